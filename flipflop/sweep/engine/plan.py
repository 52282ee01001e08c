"""The plan of a sweep: its runs, all composed and validated before the first one starts, and their blocks."""

import heapq
from collections.abc import Callable, Iterable, Sequence

from flipflop.config.combinations import validate
from flipflop.config.keys import counts_in, part_of, structure
from flipflop.config.schema import Config, Network
from flipflop.records.planned import PlannedRun, run_key


def plan(
    jobs: Iterable[tuple[str | None, tuple[str, ...]]], compose: Callable[[Sequence[str]], Config]
) -> list[PlannedRun]:
    """Compose and validate every job; of jobs with the same key only the first is kept.

    Args:
        jobs: (label, overrides) each.
        compose: from overrides to a config.

    Raises:
        ConfigError: a run cannot be run.
    """
    runs: dict[str, PlannedRun] = {}
    for label, overrides in jobs:
        config = compose(overrides)
        validate(config)
        key = run_key(config)
        runs.setdefault(key, PlannedRun(key, label, overrides, config))
    return list(runs.values())


def estimated_seconds(config: Config, runs: int) -> float:
    """Return an estimate of the CPU seconds that a block of this number of runs takes.

    A time step takes a fixed time for calls of numpy, whatever the size of the block, and a time per episode for the
    arithmetic, which grows with the size of the nets. The constants are fitted to `python -m benchmarks.core` with 16
    hidden units. Only the ratios between blocks matter.
    """
    if counts_in(config) == "environment step":
        return _estimated_seconds_on_stream(config, runs)
    T, B, steps = config.env.episode_length, config.regime.episodes_per_step, config.regime.steps
    C, M = config.controller, config.world_model
    nets: list[tuple[Network, str]] = [(C, "controller.cell")]
    if part_of(config, "method").make.has_world_model:
        nets += [(M, "world_model.cell")] * M.ensemble
    width: float = sum((net.hidden + 7) * net.hidden * part_of(config, cell).make.work for net, cell in nets) / 736
    calls = min(len(nets), 2)  # the models of an ensemble share their calls
    return steps * T * (15e-6 * calls + runs * (0.6e-6 + 0.7e-6 * B * width))


def _estimated_seconds_on_stream(config: Config, runs: int) -> float:
    """Return the same estimate on a stream, where most of the arithmetic is on derivatives (core/learning/rtrl.py)."""
    C, M = config.controller.hidden, config.world_model.hidden
    weights_of_C, weights_of_M = (H * (H + 7) + 2 * (H + 1) for H in (C, M))
    derivatives = C * weights_of_C + M * (weights_of_C + weights_of_M)  # their number
    return config.regime.steps * (115e-6 + runs * (0.2e-6 + 4.5e-9 * derivatives))


def cut_blocks(runs: Sequence[PlannedRun], workers: int, block_size: int) -> list[list[PlannedRun]]:
    """Divide runs into blocks of equal structure such that all workers finish early; return the longest block first.

    A large block takes less time per run than two halves, but only one worker can train it. Starting from the fewest
    blocks that `block_size` allows, the longest ones are divided step by step. The division with the earliest expected
    end is returned, or one with fewer blocks that ends at most 3% later.

    Args:
        runs: of the plan.
        workers: number of workers.
        block_size: largest number of runs in a block.
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
        seconds_of = estimates()
        end = expected_end([seconds for seconds, n in zip(seconds_of, pieces, strict=True) for _ in range(n)], workers)
        if end < 0.97 * best_end:
            best, best_end = list(pieces), end
        divisible = [i for i, group in enumerate(members) if pieces[i] < len(group)]
        if not divisible:
            break
        pieces[max(divisible, key=seconds_of.__getitem__)] += 1

    blocks = [group[i::n] for group, n in zip(members, best, strict=True) for i in range(n)]
    return sorted(blocks, key=lambda block: -estimated_seconds(block[0].config, len(block)))


def expected_end(estimates: Sequence[float], workers: int) -> float:
    """Return the time in seconds until all blocks are done if a free worker always takes the longest block left."""
    free_at = [0.0] * workers
    for seconds in sorted(estimates, reverse=True):
        heapq.heapreplace(free_at, free_at[0] + seconds)
    return max(free_at)
