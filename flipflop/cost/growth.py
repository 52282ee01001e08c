"""How the cost grows: the page's run with nets of several sizes, and episodes of several lengths, by every method."""

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
HIDDEN, LENGTH = 16, 20  # the page's: where one grows the other is this
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
    """Price every method at every place: a row of the CSV each, costs per outer step and by bytes per number.

    `configs` composes overrides (flipflop.configs). What a solution costs is given where the records have runs of the
    same config.
    """
    for controller, world_model, hidden, length in places:
        for method, chosen in METHODS.items():
            sizes = (f"controller.hidden={hidden}", f"world_model.hidden={hidden}", f"env.episode_length={length}")
            (config,) = configs(f"controller={controller}", f"world_model={world_model}", *sizes, *chosen)
            own = price(config)
            solved = solution(config, own, records)
            to_solve = solved.cost if solved is not None and solved.cost is not None else {}
            yield {
                "controller": controller,
                "world_model": world_model,
                "method": method,
                "hidden": hidden,
                "episode_length": length,
                "reads": own.reads,
                "deepest_read": own.deepest,
                **{f"cost_{width}": total for width, total in own.total.items()},
                **{phase.replace(" ", "_"): share for phase, share in own.phases.items()},
                **{f"warmup_cost_{width}": total for width, total in own.warmup.items()},
                "warmup_steps": getattr(config.method, "warmup_steps", 0),
                "solved": solved and solved.solved,
                "runs": solved and solved.runs,
                "median_steps": solved and solved.median_steps,
                **{f"solution_cost_{width}": to_solve.get(width) for width in own.total},
            }
