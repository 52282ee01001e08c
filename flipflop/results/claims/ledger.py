"""The ledger: the page's numeric statements, each checked in a hundred runs of the page's own configuration.

A statement has a measure of one run, and a criterion that the measure has to meet; where the page's words can be read
in several ways, the criterion says how they were read. Measures are computed from a run's history and weights when a
sweep is collected. The ledger itself is made from the collected rows alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

import numpy as np
from numpy.typing import NDArray

from flipflop.records.arrays import Arrays
from flipflop.records.configs import config_of
from flipflop.records.nets import net_of
from flipflop.records.record import Record
from flipflop.results.claims.question import Question, Row, interval
from flipflop.results.replay import Replay

WINDOW = 50  # outer steps over which training curves are averaged, as single episodes are too noisy
A, B, CONSTANT, PAIN, ACTION = 0, 1, 3, 4, 5  # columns of input weights


def measures(record: Record, arrays: Arrays) -> dict[str, float]:
    """Return one run's measures by name.

    Args:
        record: of a run with history.every 1 and a world model.
        arrays: of the run.
    """
    pain, loss, accuracy = (arrays[name].astype(float) for name in ("pain", "world_model_loss", "accuracy"))

    def mean_up_to(series: NDArray[np.float64], step: int) -> float:
        """Return the mean over the WINDOW outer steps up to one."""
        return float(series[step - WINDOW : step].mean())

    controller, world_model = net_of(arrays, "controller"), net_of(arrays, "world_model")
    C, M = (_columns(arrays, net) for net in ("controller", "world_model"))
    memory = np.abs(arrays["world_model.recurrent"].astype(float))
    replay = Replay(config_of(record))
    (episode,) = replay.fresh_episodes(controller, world_model)
    views = replay.landscapes(controller, world_model)
    assert episode.predicted is not None  # it is None only with method=direct
    return {
        "accuracy_at_end": float(accuracy[-1]),
        **{f"pain_at_{step}": mean_up_to(pain, step) for step in (500, 700, 2000, 3000)},
        "accuracy_at_750": mean_up_to(accuracy, 750),
        "accuracy_median_at_700": float(np.median(accuracy[700 - WINDOW : 700])),
        "loss_at_end": float(loss[-500:].mean()),
        "episode_accuracy": episode.accuracy,
        "episode_pain": float(episode.pain.mean()),
        "episode_predicted_pain": float(episode.predicted.mean()),
        "controller_event_weights": float(min(C[A], C[B]) / max(C[PAIN], C[CONSTANT])),
        "controller_action_weights": float(C[ACTION] / max(C[PAIN], C[CONSTANT])),
        "world_model_action_weights": float(M[ACTION] / np.median(M)),
        "world_model_memory": float((memory > memory.max() / 10).mean()),
        "bowls": float(sum(_is_bowl(view.predicted) for view in views)),
        "minimum_distance": float(max(view.distance for view in views)),
    }


def _columns(arrays: Arrays, net: str) -> NDArray[np.float64]:
    """Return the norms of a net's columns of input weights, (6,).

    The bias is added to the weights of the constant input 1, which have the same effect.
    """
    weights = arrays[f"{net}.input"].astype(float)
    weights[:, CONSTANT] += arrays[f"{net}.bias"]
    norms: NDArray[np.float64] = np.sqrt(np.square(weights).sum(axis=0))
    return norms


def _is_bowl(predicted: NDArray[np.floating]) -> bool:
    """Return whether a curve falls up to its minimum and rises after it."""
    at, change = int(predicted.argmin()), np.diff(predicted)
    return bool((change[:at] <= 0).all() and (change[at:] >= 0).all())


@dataclass(frozen=True)
class Statement:
    """A statement of the page, with the measure and the criterion by which it is checked in a run."""

    where: str  # the section of the page
    says: str
    measure: str  # the column of the measure
    criterion: str  # in words
    holds: Callable[[float], bool]  # the criterion, a function of the measure


STATEMENTS = (
    Statement("Results", "all 10 seeds solve", "success", "success", lambda x: x == 1),
    Statement("Results", "residual pain 1.0e-5", "mean_pain", "at most 1.5e-5", lambda x: x <= 1.5e-5),
    Statement("Results", "final training accuracy 100%", "accuracy_at_end", "1 in the last episode", lambda x: x == 1),
    Statement(
        "Training curves", "pain about .25 at step 500", "pain_at_500", ".15 to .35", lambda x: 0.15 <= x <= 0.35
    ),
    Statement("Training curves", "pain near zero within 200 steps", "pain_at_700", "below .01", lambda x: x < 0.01),
    Statement(
        "Training curves", "accuracy 100% by about step 700", "accuracy_at_750", "at least .99", lambda x: x >= 0.99
    ),
    Statement(
        "Training curves",
        "the same, by the middle episode",
        "accuracy_median_at_700",
        "1 in half of the episodes from 651 to 700",
        lambda x: x == 1,
    ),
    Statement("Training curves", "pain below 1e-4 by step 2000", "pain_at_2000", "below 1e-4", lambda x: x < 1e-4),
    Statement("Training curves", "pain below 1e-5 by step 3000", "pain_at_3000", "below 1e-5", lambda x: x < 1e-5),
    Statement(
        "Training curves",
        "M's loss plateaus around 5e-4",
        "loss_at_end",
        "2.5e-4 to 1e-3 over the last 500 steps",
        lambda x: 2.5e-4 <= x <= 1e-3,
    ),
    Statement(
        "One test episode", "a fresh 80-step episode is right", "episode_accuracy", "every step", lambda x: x == 1
    ),
    Statement("One test episode", "its pain is near zero", "episode_pain", "mean below .01", lambda x: x < 0.01),
    Statement(
        "One test episode",
        "M's predicted pain is near zero",
        "episode_predicted_pain",
        "mean below .01",
        lambda x: x < 0.01,
    ),
    Statement(
        "Controller weights",
        "large A and B columns, lesser bias and pain",
        "controller_event_weights",
        "norm of the lesser of A, B over the larger of bias, pain: above 1",
        lambda x: x > 1,
    ),
    Statement(
        "Controller weights",
        "a strong y_prev column, lesser bias and pain",
        "controller_action_weights",
        "its norm over the larger of bias, pain: above 1",
        lambda x: x > 1,
    ),
    Statement(
        "World-model weights",
        "substantial weight on y",
        "world_model_action_weights",
        "norm of its column over the columns' median: above 1",
        lambda x: x > 1,
    ),
    Statement(
        "World-model weights",
        "a dense W_hh",
        "world_model_memory",
        "at least half of its weights above a tenth of the largest",
        lambda x: x >= 0.5,
    ),
    Statement("Pain landscape", "upward-facing bowls", "bowls", "all five fall, then rise", lambda x: x == 5),
    Statement(
        "Pain landscape",
        "bowls with their minimum at the latch",
        "minimum_distance",
        "farthest of five minima at most .05 away",
        lambda x: x <= 0.05,
    ),
)


EVERY = 0.95  # the share of runs from which on a statement mostly holds
NONE = 0.05  # the share of runs up to which it does not hold


def value(row: Mapping[str, str], measure: str) -> float:
    """Return a run's measure as a number: 1 or 0 for True or False, NaN, which meets no criterion, if it is missing."""
    text = row[measure]
    return float(text == "True") if text in ("True", "False") else float(text or "nan")


def verdict(successes: int, trials: int) -> str:
    """Return the verdict on a statement that holds in this number of runs."""
    if successes == trials:
        return "holds"
    share = successes / trials
    return "mostly holds" if share >= EVERY else "does not hold" if share <= NONE else "holds for some"


def lines(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return the lines of the ledger.

    A line has the section of the page, the statement, seed 0's measure, median and 10-90% range over runs, the
    criterion, the number of runs in which it holds with its interval, and the verdict.
    """
    table: list[tuple[str, ...]] = []
    for statement in STATEMENTS:
        values = [value(row, statement.measure) for row in rows]
        k, n = sum(map(statement.holds, values)), len(values)
        tenths = quantiles(values, n=10)
        span = f"{median(values):.2g} ({tenths[0]:.2g} to {tenths[-1]:.2g})"
        if statement.measure == "success":
            span = f"{k}/{n}"
        held = f"{k}/{n}, {interval(k, n)}"
        of_seed_0 = next((f"{v:.2g}" for row, v in zip(rows, values, strict=True) if row["seed"] == "0"), "")
        table.append((statement.where, statement.says, of_seed_0, span, statement.criterion, held, verdict(k, n)))
    return table


def of_questions(questions: Mapping[str, Question]) -> list[tuple[str, ...]]:
    """Return the lines of statements about arms of other questions, for the questions that have been run."""
    table: list[tuple[str, ...]] = []
    if "full_credit" in questions:
        table.append(_credit_line(questions["full_credit"]))
    if "extrapolation" in questions:
        table.append(_lag_line(questions["extrapolation"]))
    return table


def _credit_line(question: Question) -> tuple[str, ...]:
    """Return the line on credit through M's recurrence, in the sequential regime."""
    full, short = question.arms["full, sequential"], question.arms["one step, sequential"]
    holds = full.successes / full.trials < short.successes / short.trials - 0.05
    return (
        "Deviation 2",
        "full BPTT through M destabilises C",
        "",
        f"{full.successes}/{full.trials} solve, one-step {short.successes}/{short.trials}",
        "5 points fewer solve than by one-step credit",
        interval(full.successes, full.trials),
        "holds" if holds else "does not hold",
    )


def _lag_line(question: Question) -> tuple[str, ...]:
    """Return the line on long lags, from the longest test of Elman nets that see neither pain nor action."""
    arm = question.arms["Elman C, Elman M, blind"]
    column = [name for name in question.columns if name.startswith("mean_accuracy_at_")][-1]
    k, n = arm.solid(column), arm.trials
    return (
        "Open questions",
        "a vanilla M breaks first on long lags",
        "",
        f"{k}/{n} at T = {column.rpartition('_')[2]}",
        "fewer than 95% of blind Elman pairs keep .99 accuracy",
        interval(k, n),
        "holds" if k / n < EVERY else "does not hold",
    )
