"""The answers to the questions of RESULTS.md, as sentences that follow from the rows of numbers alone."""

from collections.abc import Callable, Sequence

from flipflop.results.claims.question import Arm, Question, interval, p_value
from flipflop.results.paper import CLAIMS, VERSIONS

LEVEL = 0.01  # of significance of one comparison; stricter than .05, as a question has several comparisons
MOST_LISTED = 6  # arms that a sentence names one by one


def answer(question: Question) -> str:
    """Answer a question in a few sentences.

    They give the first arm's success rate, the arms that differ from it significantly, and the question's verdict.
    """
    first, *others = [arm for arm in question.arms.values() if arm.trials]
    sentences = [
        f"{first.label[:1].upper()}{first.label[1:]}: {rate(first)} solve, 95% interval {interval(*counts(first))}."
    ]
    differ = [(arm, p_value(counts(first), counts(arm))) for arm in others]
    fewer = [arm for arm, p in differ if p < LEVEL and share(arm) < share(first)]
    more = [arm for arm, p in differ if p < LEVEL and share(arm) > share(first)]
    same = [arm for arm, p in differ if p >= LEVEL]
    for arms, words in ((fewer, "Fewer solve"), (more, "More solve")):
        if arms:
            sentences.append(f"{words} with {listed(arms)} (p < {LEVEL:g} each).")
    if same:
        which = listed(same) if len(same) <= MOST_LISTED else f"the other {len(same)}"
        sentences.append(f"Not told from the first at p < {LEVEL:g}: {which}.")
    if question.name in VERDICTS:
        sentences.append(VERDICTS[question.name](question))
    return " ".join(sentences)


def counts(arm: Arm) -> tuple[int, int]:
    """Return an arm's successes and trials."""
    return arm.successes, arm.trials


def share(arm: Arm) -> float:
    """Return an arm's success rate."""
    return arm.successes / arm.trials


def rate(arm: Arm) -> str:
    """Format an arm's success rate: `98/100`."""
    return f"{arm.successes}/{arm.trials}"


def listed(arms: Sequence[Arm]) -> str:
    """List arms by their labels and rates: `*a* 1/2, *b* 2/2`."""
    return ", ".join(f"*{arm.label}* {rate(arm)}" for arm in arms)


def _paper_claims(question: Question) -> str:
    """Compare each regime with the paper's claim for it."""
    parts = []
    for regime, claim in CLAIMS.items():
        arm = question.arms[regime]
        p = p_value(counts(arm), claim)
        differs = "differ" if p < LEVEL else f"cannot be told apart at p < {LEVEL:g}"
        parts.append(f"{regime}, {rate(arm)} here and {claim.successes}/{claim.trials} there {differs} (p = {p:.2g})")
    return f"Against the paper: {'; '.join(parts)}. Its claims are of another algorithm: see *The 1990 algorithm*."


def _full_credit(question: Question) -> str:
    """Say whether credit through M's recurrence makes fewer runs solve than one-step credit, in either regime."""
    pairs = [(question.arms[f"one step, {r}"], question.arms[f"full, {r}"]) for r in CLAIMS]
    worse = [
        full for short, full in pairs if p_value(counts(short), counts(full)) < LEVEL and share(full) < share(short)
    ]
    if worse:
        return f"Credit through M's recurrence does destabilise C: {listed(worse)}."
    return "That full credit destabilises C is not seen in either regime."


def _exploration(question: Question) -> str:
    """Say whether M can learn from C's own actions: whether at least half as many runs solve as with random ones."""
    on_policy = question.arms["C's own actions"]
    random, *explored = (arm for arm in question.arms.values() if arm is not on_policy)
    best = max(explored, key=share)
    if share(on_policy) < share(random) / 2:
        return f"So M cannot learn from C's own actions alone; chance in them repairs it (best: {listed([best])})."
    return "So M can learn from C's own actions."


def _ablations(question: Question) -> str:
    """Name the arms in which fewer than half as many runs solve as in the first."""
    first, *others = question.arms.values()
    needed = [arm.label for arm in others if share(arm) < 0.5 * share(first)]
    if not needed:
        return "None, taken back alone, costs half of the solved runs."
    return f"Taken back alone, these cost half of the solved runs and more: {', '.join(f'*{one}*' for one in needed)}."


def _extrapolation(question: Question) -> str:
    """Name for each arm the share of runs that stay accurate over the longest test."""
    column = [name for name in question.columns if name.startswith("mean_accuracy_at_")][-1]
    rates = ", ".join(f"*{arm.label}* {arm.solid(column)}/{arm.trials}" for arm in question.arms.values() if arm.trials)
    return f"Runs that keep .99 accuracy over {int(column.rpartition('_')[2]):,} steps: {rates}."


# The choices in this project's reading of the report that may decide the outcome, as {choice: labels of the arms in
# sweeps/fki_126_90.yaml that test it}.
READINGS = {
    "the output unit": ("deterministic output", "Bernoulli output", "Gaussian output, sigma .3"),
    "the learning rates": ("rates x 3", "rates / 3", "rates x 10", "rates / 10"),
    "what of the gradient is kept": ("one-step credit", "through predicted pain"),
    "the early stop": ("no early stop",),
}


def _fki_126_90(question: Question) -> str:
    """Compare both versions of the 1990 algorithm with their claims, and name the choices that decide the outcome."""
    arms = question.arms
    solved: list[str] = []
    from_reset: list[str] = []
    for schedule, version in VERSIONS.items():
        claim, words = CLAIMS[version], schedule.replace("_", " ")
        for arm in (arms[words], arms[f"{words}, fresh seeds"]):
            reset = arm.count("success_from_reset"), arm.trials
            for comparisons, found in ((solved, counts(arm)), (from_reset, reset)):
                p = p_value(found, claim)
                differs = "differs from" if p < LEVEL else "cannot be told from"
                comparisons.append(
                    f"*{arm.label}* {found[0]}/{found[1]} {differs} {claim.successes}/{claim.trials} (p = {p:.2g})"
                )
    fresh = arms["concurrent, fresh seeds"]
    decisive, indifferent = [], []
    for reading, labels in READINGS.items():
        tested = [arms[label] for label in labels if label in arms and arms[label].trials]
        if differing := [arm for arm in tested if p_value(counts(fresh), counts(arm)) < LEVEL]:
            decisive.append(f"{reading} ({listed(differing)})")
        elif tested:
            indifferent.append(f"{reading} ({listed(tested)})")
    sentences = [
        "Later descriptions of the report call the concurrent version parallel and the other sequential; the report "
        f"itself could not be consulted. Against its claims, at p < {LEVEL:g}: {'; '.join(solved)}.",
        f"From reset, a state that the stream never visits: {'; '.join(from_reset)}.",
        f"At some check, if not at the end, {fresh.count('ever_solved')}/{fresh.trials} of *{fresh.label}* solve.",
    ]
    if decisive:
        sentences.append(f"So the outcome hangs on {' and on '.join(decisive)}, which its claims do not tell.")
    if indifferent:
        sentences.append(f"It is not seen to hang on {' or on '.join(indifferent)}.")
    return " ".join(sentences)


VERDICTS: dict[str, Callable[[Question], str]] = {
    "paper_claims": _paper_claims,
    "full_credit": _full_credit,
    "exploration": _exploration,
    "ablations": _ablations,
    "extrapolation": _extrapolation,
    "fki_126_90": _fki_126_90,
}
