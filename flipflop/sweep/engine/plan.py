"""What a sweep is going to do: all its runs, composed and validated before the first starts, and their blocks."""

import heapq
from collections.abc import Callable, Iterable, Sequence

from flipflop.config.combinations import validate
from flipflop.config.keys import counts_in, part_of, structure
from flipflop.config.schema import Config, Network
from flipflop.records.planned import PlannedRun, run_key


def plan(
    jobs: Iterable[tuple[str | None, tuple[str, ...]]], compose: Callable[[Sequence[str]], Config]
) -> list[PlannedRun]:
    """Compose and validate every job, (label, overrides), keeping the first of those that are one run.

    Raises:
        ConfigError: a run that cannot be run.
    """
    runs: dict[str, PlannedRun] = {}
    for label, overrides in jobs:
        config = compose(overrides)
        validate(config)
        key = run_key(config)
        runs.setdefault(key, PlannedRun(key, label, overrides, config))
    return list(runs.values())


def estimated_seconds(config: Config, runs: int) -> float:
    """Return about how many CPU seconds a block of this number of runs takes.

    An outer step takes a time per time step for numpy's calls, whatever the block's size, and a time per episode and
    time step for the arithmetic, which grows with the nets. Fitted to `python -m benchmarks.core` at 16 hidden units;
    only the proportions matter.
    """
    if counts_in(config) == "environment step":
        return _estimated_seconds_on_stream(config, runs)
    T, B, steps = config.env.episode_length, config.regime.episodes_per_step, config.regime.steps
    C, M = config.controller, config.world_model
    nets: list[tuple[Network, str]] = [(C, "controller.cell")]
    if part_of(config, "method").make.has_world_model:
        nets += [(M, "world_model.cell")] * M.ensemble
    width: float = sum((net.hidden + 7) * net.hidden * part_of(config, cell).make.work for net, cell in nets) / 736
    calls = min(len(nets), 2)  # an ensemble's models are stacked
    return steps * T * (15e-6 * calls + runs * (0.6e-6 + 0.7e-6 * B * width))


def _estimated_seconds_on_stream(config: Config, runs: int) -> float:
    """Return the same for a run on a stream, whose arithmetic carries derivatives (core/learning/rtrl.py)."""
    C, M = config.controller.hidden, config.world_model.hidden
    weights_of_C, weights_of_M = (H * (H + 7) + 2 * (H + 1) for H in (C, M))
    carried = C * weights_of_C + M * (weights_of_C + weights_of_M)  # numbers
    return config.regime.steps * (115e-6 + runs * (0.2e-6 + 4.5e-9 * carried))


def cut_blocks(runs: Sequence[PlannedRun], workers: int, block_size: int) -> list[list[PlannedRun]]:
    """Group runs of equal structure into blocks, longest first: as few as keep all workers busy to the end.

    A large block takes less time per run than two halves, but one worker cannot share it. From the fewest blocks that
    `block_size` allows, the longest is cut again and again; of all these cuts the one expected to end first is
    taken, or one with fewer blocks that ends at most 3% later.
    """
    groups: dict[tuple[object, ...], list[PlannedRun]] = {}
    for run in runs:
        groups.setdefault(structure(run.config), []).append(run)
    members = list(groups.values())
    pieces = [-(-len(group) // block_size) for group in members]

    def estimates() -> list[float]:
        return [
            estimated_seconds(group[0].config, -(-len(group) // n)) for group, n in zip(members, pieces, strict=True)
        ]

    best, best_end = list(pieces), float("inf")
    for _ in range(2 * workers + 1):
        each = estimates()
        end = expected_end([seconds for seconds, n in zip(each, pieces, strict=True) for _ in range(n)], workers)
        if end < 0.97 * best_end:
            best, best_end = list(pieces), end
        divisible = [i for i, group in enumerate(members) if pieces[i] < len(group)]
        if not divisible:
            break
        pieces[max(divisible, key=each.__getitem__)] += 1

    blocks = [group[i::n] for group, n in zip(members, best, strict=True) for i in range(n)]
    return sorted(blocks, key=lambda block: -estimated_seconds(block[0].config, len(block)))


def expected_end(estimates: Sequence[float], workers: int) -> float:
    """Return after how many seconds all blocks are done, if each free worker takes the longest block not yet taken."""
    free_at = [0.0] * workers
    for seconds in sorted(estimates, reverse=True):
        heapq.heapreplace(free_at, free_at[0] + seconds)
    return max(free_at)
