"""The growth of the data movement with the size of the nets and the length of episodes, for every method."""

from collections.abc import Callable, Iterator, Sequence

from flipflop.config.schema import Config
from flipflop.cost.outer_step import price
from flipflop.cost.solution import solution
from flipflop.records.record import Record

METHODS = {
    "one_step": ("method=world_model", "method.credit=one_step"),
    "full": ("method=world_model", "method.credit=full"),
    "direct": ("method=direct",),
}
HIDDEN, LENGTH = 16, 20  # of the page's run; while one varies, the other keeps this value
SIZES, LENGTHS = (4, 8, 16, 32, 64), (5, 10, 20, 40, 80)
# (controller.cell, world_model.cell, hidden units of both nets, env.episode_length)
PLACES = [
    *(("elman", "elman", hidden, LENGTH) for hidden in SIZES),
    *(("elman", "elman", HIDDEN, length) for length in LENGTHS if length != LENGTH),
    ("lstm", "elman", HIDDEN, LENGTH),
    ("lstm", "lstm", HIDDEN, LENGTH),
]


def measured(
    configs: Callable[..., list[Config]],
    records: Sequence[Record],
    places: Sequence[tuple[str, str, int, int]] = PLACES,
) -> Iterator[dict[str, float | str | None]]:
    """Yield the data movement of every method at every place, as rows of docs/results/cost.csv.

    Costs are per outer step, for each number of bytes per number. A row has the cost of a solution if the records have
    runs of the same config.

    Args:
        configs: composes overrides into configs (`flipflop.configs`).
        records: of runs that were trained, of sweeps/data_movement.yaml.
        places: which cells, sizes and lengths, in the form of PLACES.
    """
    for controller, world_model, hidden, length in places:
        for method, chosen in METHODS.items():
            sizes = (f"controller.hidden={hidden}", f"world_model.hidden={hidden}", f"env.episode_length={length}")
            (config,) = configs(f"controller={controller}", f"world_model={world_model}", *sizes, *chosen)
            of_step = price(config)
            solved = solution(config, of_step, records)
            to_solve = solved.cost if solved is not None and solved.cost is not None else {}
            yield {
                "controller": controller,
                "world_model": world_model,
                "method": method,
                "hidden": hidden,
                "episode_length": length,
                "reads": of_step.reads,
                "deepest_read": of_step.deepest,
                **{f"cost_{width}": total for width, total in of_step.total.items()},
                **{phase.replace(" ", "_"): share for phase, share in of_step.phases.items()},
                **{f"warmup_cost_{width}": total for width, total in of_step.warmup.items()},
                "warmup_steps": getattr(config.method, "warmup_steps", 0),
                "solved": solved and solved.solved,
                "runs": solved and solved.runs,
                "median_steps": solved and solved.median_steps,
                **{f"solution_cost_{width}": to_solve.get(width) for width in of_step.total},
            }
