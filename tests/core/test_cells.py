"""Cells, what nets see, and true credit: gradients against finite differences of plain forward passes; the draws."""

from itertools import product

import baseline as page
import numpy as np
import pytest
from baseline import baseline

from flipflop.config.combinations import validate
from flipflop.config.rules import ConfigError
from flipflop.core.acting import act
from flipflop.core.learning.bptt import controller_gradient, predicted_pain_gradient, world_model_gradient
from flipflop.core.nets.cells.base import cell_maker
from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import Net, Weights, initial_weights, mask
from flipflop.core.train import train
from flipflop.core.worlds.base import Episodes, make_world, streams

T, R, B, INPUTS, HIDDEN = 5, 2, 3, 6, 3
GATES = {"elman": 1, "lstm": 4, "logistic": 1}
KNOBS = {
    "elman": page.cell("elman"),
    "lstm": page.cell("lstm"),
    "logistic": page.cell("elman", activation="logistic"),
}
PAIRS = [*product(("elman", "lstm"), repeat=2), ("logistic", "logistic")]


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step(cell, w, x, state):
    """One step of one net in plain equations: its output and its next state (h, c)."""
    h, c = state
    z = w.input @ x + w.recurrent @ h + w.bias
    if cell != "lstm":
        h = np.tanh(z) if cell == "elman" else sigmoid(z)
    else:
        i, f, g, o = z.reshape(4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return sigmoid(w.output @ h + w.output_bias), (h, c)


def rest():
    return np.zeros(HIDDEN), np.zeros(HIDDEN)


def acted(cell, w, events, desired, asked, observed=None):
    """C's actions and pains; with `observed` pains it sees those, whatever it does: no gradient goes through them."""
    actions, pains, state = [], [], rest()
    for t in range(T):
        last_pain, last_action = (0.0, 0.5) if t == 0 else ((observed or pains)[t - 1], actions[t - 1])
        y, state = step(cell, w, np.array([*events[t], 1, last_pain, last_action]), state)
        actions.append(y)
        pains.append(asked[t] * (y - desired[t]) ** 2)
    return actions, pains


def predictions(cell, w, events, pains, actions, states=None):
    """M's predictions, and its state before each step; with `states` given, each step starts from its own."""
    predicted, before, state = [], [], rest()
    for t in range(T):
        state = states[t] if states else state
        before.append(state)
        x = np.array([*events[t], 1, 0.0 if t == 0 else pains[t - 1], actions[t]])
        p, state = step(cell, w, x, state)
        predicted.append(p)
    return predicted, before


def random_weights(rng, cell):
    rows = GATES[cell] * HIDDEN
    return Weights(*(rng.normal(size=shape) for shape in ((rows, 6), (rows, HIDDEN), (rows,), (HIDDEN,), ())))


def numerical_gradient(function, weights):
    """Central differences at two widths, extrapolated to width 0 (Richardson), as weights."""
    parts = [np.array(part, float) for part in weights]
    gradient = [np.zeros_like(part) for part in parts]
    for part, slope in zip(parts, gradient, strict=True):
        for at in np.ndindex(part.shape):
            start, values = part[at], {}
            for offset in (1e-4, -1e-4, 2e-4, -2e-4):
                part[at] = start + offset
                values[offset] = function(Weights(*parts))
            part[at] = start
            near, far = (values[1e-4] - values[-1e-4]) / 2e-4, (values[2e-4] - values[-2e-4]) / 4e-4
            slope[at] = (4 * near - far) / 3
    return Weights(*gradient)


def buffers(cell):
    return Rollout(R, T, B, INPUTS, HIDDEN, float, cell_maker(KNOBS[cell]))


def episodes(rng):
    """Events (R, T, B, 3) and the latch (R, T, B)."""
    kinds = rng.integers(0, 4, size=(R, T, B))
    events = np.stack([kinds == kind for kind in range(3)], axis=-1).astype(float)
    desired, latch = np.zeros((R, T, B)), np.zeros((R, B))
    for t in range(T):
        latch = np.where(kinds[:, t] == 0, 0, np.where(kinds[:, t] == 1, 1, latch))
        desired[:, t] = latch
    return events, desired


def assert_close(net, run, expected):
    for ours, numerical in zip(net.weights(run), expected, strict=True):
        np.testing.assert_allclose(ours, numerical, rtol=1e-6, atol=1e-9)


def asked_in(pain_at, events):
    """Where there is pain, (R, T, B): as the core has it, and as numbers."""
    return (None, np.ones(events.shape[:-1])) if pain_at == "every" else (events[..., 2], events[..., 2])


def world(pain_at):
    return make_world([page.world(pain_at=pain_at)] * R, float)


@pytest.mark.parametrize("pain_at", ["every", "x"])
@pytest.mark.parametrize("cell", GATES)
def test_the_world_models_gradient(cell, pain_at):
    """Each cell's BPTT: the gradient of summed squared error, averaged over episodes; also of pain at X alone."""
    rng = np.random.default_rng(0)
    weights = [random_weights(rng, cell) for _ in range(R)]
    events, desired = episodes(rng)
    actions = rng.random((R, T, B))
    out = Net.stack(weights, float)
    asked, is_asked = asked_in(pain_at, events)
    drawn = Episodes(events, desired, asked)
    world_model_gradient(Net.stack(weights, float), buffers(cell), world(pain_at), drawn, actions, out)
    pains = is_asked * (actions - desired) ** 2

    def loss(w, run):
        errors = [
            np.array(predictions(cell, w, events[run, :, b], pains[run, :, b], actions[run, :, b])[0])
            - pains[run, :, b]
            for b in range(B)
        ]
        return np.mean([np.sum(error**2) / 2 for error in errors])

    for run in range(R):
        assert_close(out, run, numerical_gradient(lambda w, run=run: loss(w, run), weights[run]))


@pytest.mark.parametrize("credit", ["one_step", "full", "true"])
@pytest.mark.parametrize(("cell", "world_model_cell"), PAIRS)
@pytest.mark.parametrize("pain_at", ["every", "x"])
def test_the_controllers_gradient(pain_at, cell, world_model_cell, credit):
    """Through every pair of cells, by each credit path: predicted pain in the step, or in time too, or true pain."""
    rng = np.random.default_rng(1)
    controllers = [random_weights(rng, cell) for _ in range(R)]
    models = [random_weights(rng, world_model_cell) for _ in range(R)]
    events, desired = episodes(rng)
    C, M, out = Net.stack(controllers, float), Net.stack(models, float), Net.stack(controllers, float)
    rollout = buffers(cell)
    asked, is_asked = asked_in(pain_at, events)
    drawn = Episodes(events, desired, asked)
    did = act(C, rollout, world(pain_at), drawn)
    if credit == "true":
        dpain = world(pain_at).pain_gradient(did.actions, drawn)
    else:
        dpain = predicted_pain_gradient(M, buffers(world_model_cell), rollout, did, credit)
    controller_gradient(C, rollout, did, dpain, out)

    def objective(w, run, b, observed, states):
        actions, pains = acted(cell, w, events[run, :, b], desired[run, :, b], is_asked[run, :, b], observed)
        if credit == "true":
            return sum(pains)
        predicted, _ = predictions(world_model_cell, models[run], events[run, :, b], observed, actions, states)
        return sum(predicted)

    for run in range(R):
        fixed = []
        for b in range(B):
            actions, pains = acted(cell, controllers[run], events[run, :, b], desired[run, :, b], is_asked[run, :, b])
            np.testing.assert_allclose(did.actions[run, :, b], actions, rtol=1e-12)
            before = predictions(world_model_cell, models[run], events[run, :, b], pains, actions)[1]
            fixed.append((pains, before if credit == "one_step" else None))
        expected = numerical_gradient(
            lambda w, run=run, fixed=fixed: np.mean([objective(w, run, b, *fixed[b]) for b in range(B)]),
            controllers[run],
        )
        assert_close(out, run, expected)


def draw(changes):
    settings = baseline({f"controller.{key}": value for key, value in changes.items()}).controller
    return initial_weights(streams(3).controller, settings, INPUTS)


def test_other_inits_leave_the_other_draws():
    """Recurrent weights of another kind come from the same place in the stream: all other weights are the same."""
    gaussian, orthogonal, identity = (draw({"init": init}) for init in ("gaussian", "orthogonal", "identity"))
    for other in (orthogonal, identity):
        np.testing.assert_array_equal(other.input, gaussian.input)
        np.testing.assert_array_equal(other.output, gaussian.output)
    np.testing.assert_allclose(orthogonal.recurrent @ orthogonal.recurrent.T, np.eye(16), atol=1e-12)
    assert np.trace(orthogonal.recurrent.T @ gaussian.recurrent) > 0
    np.testing.assert_array_equal(identity.recurrent, np.eye(16))


@pytest.mark.parametrize("net", ["controller", "world_model"])
def test_the_activation_is_that_of_the_net_that_asks(net):
    """Logistic hidden units are used in training and in the test, by one net alone if that one asks."""
    short = SHORT | {"method.warmup_steps": 0, "eval.every": 5}
    (tanh,), (logistic,) = (
        train([baseline(short | {f"{net}.cell.activation": kind})]) for kind in ("tanh", "logistic")
    )
    moved = {name: getattr(tanh, name).input != getattr(logistic, name).input for name in ("controller", "world_model")}
    assert moved[net].any()
    assert tanh.metrics.mean_pain != logistic.metrics.mean_pain


def test_an_lstm_starts_by_remembering():
    """Its forget gates, the second of four, start with a bias of 1 or as asked for; each gate is orthogonal alone."""
    default, other = (draw({"cell": "lstm"} | more) for more in ({"init": "orthogonal"}, {"cell.forget_bias": 3.0}))
    assert default.input.shape == (64, 6)
    np.testing.assert_array_equal(default.bias.reshape(4, 16), np.repeat([[0], [1], [0], [0]], 16, axis=1))
    np.testing.assert_array_equal(other.bias.reshape(4, 16)[1], np.full(16, 3.0))
    for gate in default.recurrent.reshape(4, 16, 16):
        np.testing.assert_allclose(gate @ gate.T, np.eye(16), atol=1e-12)


FORTY_STEPS = {"regime.steps": 40, "eval.episodes": 5, "eval.every": 10}
SHORT, DIRECT = FORTY_STEPS | {"method.warmup_steps": 0}, FORTY_STEPS | {"method": "direct"}


@pytest.mark.parametrize(
    ("changes", "net", "part", "columns"),
    [
        ({"controller.sees_pain": False}, "controller", "input", [4]),
        ({"controller.sees_action": False}, "controller", "input", [5]),
        ({"world_model.sees_pain": False, "world_model.cell": "lstm"}, "world_model", "input", [4]),
        ({"controller.cell": "feedforward"}, "controller", "recurrent", range(16)),
    ],
)
def test_what_a_net_has_not_stays_nothing(changes, net, part, columns):
    """Weights from an input that a net does not see, or a memory that it lacks, are 0 and stay so; others learn."""
    (result,) = train([baseline(SHORT | changes)])
    weights = getattr(getattr(result, net), part)
    assert not weights[:, list(columns)].any()
    (start,) = train([baseline(SHORT | changes | {"method.warmup_steps": 1000})])
    for name in ("input", "bias", "output"):
        assert not np.array_equal(getattr(result.controller, name), getattr(start.controller, name))
    rest_of = np.delete(weights, list(columns), axis=1)
    assert rest_of.size == 0 or rest_of.all()


def test_a_net_that_has_all_is_not_masked():
    """The default costs no multiplication."""
    assert mask(baseline().controller, INPUTS, float) is None
    assert mask(baseline({"controller.sees_action": False}).controller, INPUTS, float) is not None


def test_direct_learning_has_no_world_model():
    """method=direct leaves M as drawn, counts one net's steps, records no loss, and sees the same episodes."""
    (direct,), (through_model,) = train([baseline(DIRECT)]), train([baseline(SHORT)])
    drawn = initial_weights(streams(0).world_model, baseline().world_model, INPUTS)
    for part, initial in zip(direct.world_model, drawn, strict=True):
        np.testing.assert_array_equal(part, initial)
    assert direct.status == "ok"
    assert np.isnan(direct.history.world_model_loss).all()
    assert direct.history.pain[0] == through_model.history.pain[0]
    assert direct.history.pain[-1] < through_model.history.pain[-1]  # 40 steps are too few for M
    metrics = direct.metrics
    assert (metrics.world_model_environment_steps, metrics.environment_steps) == (0, 40 * 20)


def test_a_diverging_direct_run_is_found():
    """A direct run has no loss of a world model: its weights show that it diverges."""
    (result,) = train([baseline(DIRECT | {"optimiser.lr_controller": 1e9})])
    assert result.status == "diverged"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"controller.cell": "feedforward", "controller.init": "orthogonal"},
            "controller.init=orthogonal .* gaussian with controller/cell=feedforward",
        ),
        (
            {"world_model.cell": "lstm", "world_model.init": "identity"},
            "world_model.init=identity .* world_model/cell=lstm",
        ),
        ({"method.credit": None}, "method.credit=null .* one_step, full"),
    ],
)
def test_what_would_do_nothing_is_refused(changes, told):
    """A knob that a combination cannot use is named, with what it must be."""
    with pytest.raises(ConfigError, match=told):
        validate(baseline(changes))
