"""Data movement, checked against hand-computed and published costs, and the tracing of the core's outer step."""

import operator

import numpy as np
import pytest
from baseline import RTRL, SGD, baseline
from calling import call
from test_compare import runs

from flipflop import configs
from flipflop.cli.cost import main
from flipflop.config.rules import ConfigError
from flipflop.core.methods.base import make_block
from flipflop.cost.growth import measured
from flipflop.cost.outer_step import PHASES, Price, learned, price, step, traced
from flipflop.cost.solution import solution
from flipflop.cost.stack import cost, reads
from flipflop.cost.trace import EscapeError, Trace


def priced(computation, *shapes, width=1):
    """Return the depths at which a computation reads, and its cost; its arguments are 1, 2, ... in these shapes."""
    trace = Trace()
    arguments = trace.lay_down(*(np.arange(1.0, 1 + np.prod(shape)).reshape(shape) for shape in shapes))
    result = computation(*(argument[()] for argument in arguments))
    depths = reads(trace, np.asarray(result, object)).depths
    return depths.tolist(), int(cost(depths, width).sum())


GOLDEN = {
    "(a+b)+c": (lambda a, b, c: (a + b) + c, 3, [1, 2, 1, 2], 6),
    "a+a": (lambda a: a + a, 1, [1, 1], 2),
    "(b+c) > (a+d)": (lambda a, b, c, d: (b + c) > (a + d), 4, [2, 3, 2, 3, 2, 1], 11),
    "relu taken": (lambda a: a * 1 if a > 0 else 0, 1, [1, 1, 1], 3),
    "relu skipped": (lambda a: a * 1 if a > 2 else 0, 1, [1, 1], 2),
    "10 - a*10": (lambda a: 10 - a * 10, 1, [1, 1], 2),
    "tanh, exp, sqrt": (lambda a: np.sqrt(np.exp(np.tanh(a))), 1, [1, 1, 1], 3),
    "a+(a*b)": (lambda a, b: a + (a * b), 2, [1, 2, 2, 1], 6),
}


@pytest.mark.parametrize(("computation", "arguments", "depths", "total"), GOLDEN.values(), ids=GOLDEN)
def test_depths(computation, arguments, depths, total):
    """The depths are the published ones: operands are read before they move, numbers leave at their last read."""
    assert priced(computation, *[()] * arguments) == (depths, total)


def test_products():
    """a0 b0 + a1 b1 has the published depths; a sum that begins with 0 has one more read."""
    assert priced(lambda a, b: a[0] * b[0] + a[1] * b[1], 2, 2) == ([2, 4, 2, 3, 2, 1], 11)
    assert priced(lambda a, b: sum(a[i] * b[i] for i in range(2)), 2, 2)[1] == 12
    assert priced(lambda a, b: np.vecdot(a, b), 2, 2)[1] == 11


PRODUCTS = {
    "matvec": (lambda A, x: A @ x, 1, {2: 26, 3: 75, 4: 157, 5: 270, 6: 422, 7: 615, 8: 896, 16: 5354}),
    "vecmat": (lambda A, x: x @ A, 1, {2: 25, 3: 72, 4: 150, 5: 258, 6: 397, 7: 572, 8: 832, 16: 4688}),
    "matmul": (lambda A, B: A @ B, 2, {2: 57, 4: 720, 8: 8867, 16: 109783}),
}


@pytest.mark.parametrize(("product", "N", "total"), [(k, N, c) for k, v in PRODUCTS.items() for N, c in v[2].items()])
def test_matrix_products(product, N, total):
    """The products of numpy have the published costs."""
    computation, axes, _ = PRODUCTS[product]
    assert priced(computation, (N, N), (N,) * axes)[1] == total


def test_width():
    """With 2 bytes per number a number takes two places of the stack: the costs are 1 + 2, 2 + 2, 1 + 2, 2 + 2."""
    assert priced(lambda a, b, c: (a + b) + c, (), (), (), width=2) == ([1, 2, 1, 2], 14)
    for width in (1, 3, 8):
        depths = np.arange(1, 200)
        sums = [sum(int(np.ceil(np.sqrt(j))) for j in range((d - 1) * width + 1, d * width + 1)) for d in depths]
        assert cost(depths, width).tolist() == sums


def plainly(operations, inputs, kept):
    """Return the depths by searching a list, a literal implementation of the model."""
    stack = list(range(inputs))  # the top at its end
    depths = []
    for number, operands in enumerate(operations):
        depths += [len(stack) - stack.index(operand) for operand in operands]
        for operand in dict.fromkeys(operands):
            stack.remove(operand)
            if operand in kept or any(operand in later for later in operations[number + 1 :]):
                stack.append(operand)
        result = inputs + number
        if result in kept or any(result in later for later in operations[number + 1 :]):
            stack.append(result)
    return depths


@pytest.mark.parametrize("seed", range(5))
def test_the_tree_finds_what_a_search_finds(seed):
    """Random computations have the depths of the literal model, with unread inputs, constants and results."""
    generator = np.random.default_rng(seed)
    trace = Trace()
    numbers = list(trace.lay_down(np.ones(5))[0])
    operations = []
    for _ in range(80):
        one, other = generator.choice(np.array(numbers, object), 2)
        if generator.random() < 0.2:
            numbers.append(3 * one)
            operations.append((one.address,))
        else:
            numbers.append(one + other)
            operations.append((one.address, other.address))
    kept = np.array(numbers, object)[generator.random(len(numbers)) < 0.1]
    found = reads(trace, kept)
    assert found.depths.tolist() == plainly(operations, 5, {number.address for number in kept})
    assert found.operations.tolist() == [i for i, operands in enumerate(operations) for _ in operands]


@pytest.mark.parametrize("escape", [float, int, operator.index, round, lambda a: np.zeros(1).__setitem__(0, a), hash])
def test_a_number_that_escapes_is_an_error(escape):
    """Converting a traced number to a plain one raises an error, as its reads would not be recorded."""
    (number,) = Trace().lay_down(np.ones(1))[0]
    with pytest.raises(TypeError):
        escape(number)
    with pytest.raises(EscapeError):
        float(number)


def test_a_number_that_came_about_unseen_is_an_error():
    """Reading a number that was computed outside all phases raises an error: its cost would be missing."""
    trace = Trace()
    (numbers,) = trace.lay_down(np.ones(2))
    trace.phase = None
    unseen = numbers[0] + numbers[1]
    assert bool(unseen > 1)
    assert not trace.left
    trace.phase = "M forward"
    for read in (lambda: unseen * 2, lambda: numbers[0] * unseen, lambda: bool(unseen)):
        with pytest.raises(EscapeError, match="no phase"):
            read()


SMALL = {"controller.hidden": 3, "world_model.hidden": 2, "env.episode_length": 4}
DIRECT = {"method": "direct"}
LSTM = {"controller.cell": "lstm", "world_model.cell": "lstm"}
KINDS = {
    "one step": {},
    "full": {"method.credit": "full"},
    "direct": DIRECT,
    "LSTM": LSTM | {"method.credit": "full", "regime.episodes_per_step": 2},
    "SGD": SGD | {"regime.episodes_per_step": 2, "method.rollouts_per_step": 2},
    "no clipping": {"optimiser.clip_norm": None},
    "clipping": {"optimiser.clip_norm": 1e-3},
    "a blind C": {"controller.sees_pain": False},
    "an ensemble": {"world_model.ensemble": 2},
    "noisy actions": {"controller.output": "logit_noise", "controller.output.scale": 0.5, "method.data": "on_policy"},
}


@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)
def test_traced_values_are_those_of_floats(changes):
    """After an outer step the traced weights and moments have the values of the same step on floats."""
    config = baseline(SMALL | {"regime.steps": 1} | ({} if changes == DIRECT else {"method.warmup_steps": 0}) | changes)
    block = make_block([config])
    block.outer_step(0, *next(block.draws([config])))
    expected = np.concatenate([array.ravel() for array in learned(block)])
    _, results, _ = traced(config)
    np.testing.assert_allclose([number.value for number in results], expected, rtol=1e-12, atol=1e-12)
    assert np.abs(expected).max() > 0


def test_reads_of_the_way_forward():
    """M's forward phase has the number of reads counted by hand.

    A time step multiplies K+1+H weights per unit with the inputs, of which the constant, the bias and, at first, the
    pain and the hidden state are not traced; it adds, applies tanh and the output weights, and the sigmoid in 6 reads.
    """
    K, H, T = 6, 2, 4
    _, trace = step(baseline(SMALL))
    seen = [3 + 1 + (t > 0) + H * (t > 0) for t in range(T)]  # events, action, pain, h
    products = sum(H * ((K + 1 + H) + traced_inputs + 2 * (K + H)) for traced_inputs in seen)
    # The sum of products begins with the first: K+H additions of two numbers for K+1+H products.
    read_out = T * ((1 + 2 * H) + 2 * H)
    expected = products + T * H + read_out + 6 * T
    where = trace.phases.index("M forward")
    found = reads(trace).operations
    assert np.count_nonzero((found >= trace.starts[where]) & (found < trace.starts[where + 1])) == expected


@pytest.mark.parametrize("changes", [{}, DIRECT, LSTM], ids=["two networks", "direct", "LSTM"])
def test_phases_sum_to_the_whole(changes):
    """The phases' costs sum to the total; with method=direct those of M are 0, else they are part of the warm-up's."""
    priced = price(baseline(SMALL | changes))
    assert list(priced.phases) == list(PHASES)
    assert sum(priced.phases.values()) == priced.total[1]
    of_world_model = [priced.phases[phase] for phase in ("M forward", "M backward")]
    if changes == DIRECT:
        assert [*of_world_model, priced.phases["credit through M"], priced.warmup[1]] == [0, 0, 0, 0]
    else:
        assert min(priced.phases.values()) > 0
        assert sum(of_world_model) < priced.warmup[1] < sum(of_world_model) + priced.phases["updates"]
    assert 0 < priced.total[1] < priced.total[8]


def test_only_a_cut_credit_makes_an_outer_step_cheaper():
    """Full credit costs more in the phase of credit through M, and the same in the phases before it."""
    cut, full = price(baseline(SMALL)), price(baseline(SMALL | {"method.credit": "full"}))
    assert cut.phases["credit through M"] < full.phases["credit through M"]
    assert [cut.phases[phase] for phase in PHASES[:3]] == [full.phases[phase] for phase in PHASES[:3]]


def test_a_model_that_learns_first():
    """With schedule=model_first the warm-up costs as much as M's part; after it, the updates read less."""
    both, first = price(baseline(SMALL)), price(baseline(SMALL | {"method.schedule": "model_first"}))
    assert first.warmup == both.warmup
    assert first.phases["updates"] < both.phases["updates"]
    assert [first.phases[phase] for phase in PHASES[:2]] == [both.phases[phase] for phase in PHASES[:2]]


def test_what_cannot_be_followed_is_refused():
    """An argument that the sigmoid clips becomes a constant, which cannot be traced: this is refused in a sentence."""
    with pytest.raises(ConfigError, match="cannot be priced"):
        price(baseline(SMALL | {"controller.init_scale": 1e4, "world_model.init_scale": 1e4}))


def test_a_stream_has_no_price():
    """Real-time recurrent learning has no outer steps of episodes, and is refused in a sentence."""
    with pytest.raises(ConfigError, match=r"method=rtrl_1990 cannot be priced: .* world_model or direct"):
        price(baseline(RTRL))


def test_cost_to_solve():
    """A solution of 900 steps costs 500 times M's part and 400 times the outer step, by the runs' median."""
    of_step = Price(reads=1, deepest=1, total={1: 10, 8: 80}, phases={}, warmup={1: 3, 8: 24})
    records = [*runs(6, 10), *runs(10, 10, {"controller.hidden": 8}, steps=100)]
    found = solution(baseline({"seed": 77}), of_step, records)
    assert found == (6, 10, 900, {1: 5500, 8: 44000})
    assert solution(baseline({"seed": 77}), of_step, runs(4, 10)) == (4, 10, None, None)
    assert solution(baseline({"optimiser.clip_norm": 2.0}), of_step, records) is None
    direct = [*runs(10, 10, DIRECT | {"world_model.hidden": 3, "optimiser.lr_world_model": 1.0}, steps=100)]
    assert solution(baseline(DIRECT), of_step, direct).runs == 10  # a world model that is not there tells nothing apart
    assert of_step.solution(100, 500) == 300  # solved while M was alone


TINY = ["controller.hidden=2", "world_model.hidden=2", "env.episode_length=3"]


def test_command(capsys, monkeypatch):
    """The table has a row for each combination with its cost, and is at most 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")
    axes = ["method=world_model,direct", "controller=elman,lstm", "world_model=elman"]
    code, out, err = call(main, capsys, "-m", *axes, *TINY)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    lines = [line.split() for line in out.splitlines()]
    assert [line[:2] for line in lines if line[:1] == ["direct"]] == [["direct", "elman"], ["direct", "lstm"]] * 2
    (of_step, of_phases) = [line for line in lines if line[:2] == ["world_model", "elman"]]
    changes = {"controller.hidden": 2, "world_model.hidden": 2, "env.episode_length": 3}
    own, direct = price(baseline(changes)), price(baseline(changes | DIRECT))
    assert of_step[2:] == [
        *(f"{count:,}" for count in (own.reads, own.deepest, own.total[1], own.total[8])),
        f"{own.total[1] / direct.total[1]:.2f}",
    ]
    assert of_phases[2:] == [f"{100 * share / own.total[1]:.1f}%" for share in own.phases.values()]


def test_wrong_input_to_the_command(capsys, tmp_path):
    """Several values without -m, a refused config and a folder without records end with a sentence and code 2."""
    assert call(main, capsys, "seed=0,1") == (2, "", "flipflop: the overrides make 2 runs: add -m to price several\n")
    code, out, err = call(main, capsys, "-m", "method=world_model,direct", "method.credit=full")
    assert (code, out) == (2, "")
    assert "method.credit=full is not allowed" in err
    code, out, err = call(main, capsys, f"cost.sweep={tmp_path}")
    assert (code, out) == (2, "")
    assert "has no records" in err


def test_rows_of_growth():
    """There is a row for each place and method with its cost, and with the solution if the records have its runs."""
    records = [
        record
        for changes in ({}, {"method.credit": "full"}, DIRECT)
        for record in runs(6, 10, {"controller.hidden": 2, "world_model.hidden": 2, **changes})
    ]
    rows = list(measured(configs, records, [("elman", "elman", 2, 20), ("elman", "elman", 2, 3)]))
    assert [(row["method"], row["episode_length"]) for row in rows] == [
        (method, length) for length in (20, 3) for method in ("one_step", "full", "direct")
    ]
    assert (
        rows[3]["cost_1"]
        == price(baseline({"controller.hidden": 2, "world_model.hidden": 2, "env.episode_length": 3})).total[1]
    )
    assert rows[0]["solution_cost_1"] == 500 * rows[0]["warmup_cost_1"] + 400 * rows[0]["cost_1"]
    assert rows[2]["solution_cost_1"] == 900 * rows[2]["cost_1"]
    assert [row["runs"] for row in rows] == [10, 10, 10, None, None, None]
