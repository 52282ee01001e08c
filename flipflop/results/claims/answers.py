"""What a question's rows answer, in sentences that follow from the numbers alone."""

from collections.abc import Callable, Sequence

from flipflop.results.claims.question import Arm, Question, interval, p_value
from flipflop.results.paper import CLAIMS, VERSIONS

LEVEL = 0.01  # of one comparison, as there are several in a question
MOST_LISTED = 6  # arms in one sentence


def answer(question: Question) -> str:
    """Two or three sentences: how the first arm does, which arms differ from it, and what that says of the page."""
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
    """Successes and trials."""
    return arm.successes, arm.trials


def share(arm: Arm) -> float:
    """The rate."""
    return arm.successes / arm.trials


def rate(arm: Arm) -> str:
    """`98/100`."""
    return f"{arm.successes}/{arm.trials}"


def listed(arms: Sequence[Arm]) -> str:
    """Labels with rates: `a 1/2, b 2/2`."""
    return ", ".join(f"*{arm.label}* {rate(arm)}" for arm in arms)


def _paper_claims(question: Question) -> str:
    told = []
    for regime, claim in CLAIMS.items():
        arm = question.arms[regime]
        p = p_value(counts(arm), claim)
        differs = "differ" if p < LEVEL else f"cannot be told apart at p < {LEVEL:g}"
        told.append(f"{regime}, {rate(arm)} here and {claim.successes}/{claim.trials} there {differs} (p = {p:.2g})")
    return f"Against the paper: {'; '.join(told)}. Its claims are of another algorithm: see *The 1990 algorithm*."


def _full_credit(question: Question) -> str:
    pairs = [(question.arms[f"one step, {r}"], question.arms[f"full, {r}"]) for r in CLAIMS]
    worse = [
        full for short, full in pairs if p_value(counts(short), counts(full)) < LEVEL and share(full) < share(short)
    ]
    if worse:
        return f"Credit through M's recurrence does destabilise C: {listed(worse)}."
    return "That full credit destabilises C is not seen in either regime."


def _exploration(question: Question) -> str:
    own = question.arms["C's own actions"]
    random, *explored = (arm for arm in question.arms.values() if arm is not own)
    best = max(explored, key=share)
    if share(own) < share(random) / 2:
        return f"So M cannot learn from C's own actions alone; chance in them repairs it (best: {listed([best])})."
    return "So M can learn from C's own actions."


def _ablations(question: Question) -> str:
    first, *others = question.arms.values()
    needed = [arm.label for arm in others if share(arm) < 0.5 * share(first)]
    if not needed:
        return "None, taken back alone, costs half of the solved runs."
    return f"Taken back alone, these cost half of the solved runs and more: {', '.join(f'*{one}*' for one in needed)}."


def _extrapolation(question: Question) -> str:
    column = [name for name in question.columns if name.startswith("mean_accuracy_at_")][-1]
    told = ", ".join(f"*{arm.label}* {arm.solid(column)}/{arm.trials}" for arm in question.arms.values() if arm.trials)
    return f"Runs that keep .99 accuracy over {int(column.rpartition('_')[2]):,} steps: {told}."


# What of the reading may decide the outcome, by arms of sweeps/fki_126_90.yaml.
READINGS = {
    "the output unit": ("deterministic output", "Bernoulli output", "Gaussian output, sigma .3"),
    "the learning rates": ("rates x 3", "rates / 3", "rates x 10", "rates / 10"),
    "what of the gradient is kept": ("one-step credit", "through predicted pain"),
    "the early stop": ("no early stop",),
}


def _fki_126_90(question: Question) -> str:
    arms = question.arms
    solved: list[str] = []
    from_reset: list[str] = []
    for schedule, version in VERSIONS.items():
        claim, words = CLAIMS[version], schedule.replace("_", " ")
        for arm in (arms[words], arms[f"{words}, fresh seeds"]):
            reset = arm.count("success_from_reset"), arm.trials
            for told, found in ((solved, counts(arm)), (from_reset, reset)):
                p = p_value(found, claim)
                differs = "differs from" if p < LEVEL else "cannot be told from"
                told.append(
                    f"*{arm.label}* {found[0]}/{found[1]} {differs} {claim.successes}/{claim.trials} (p = {p:.2g})"
                )
    fresh = arms["concurrent, fresh seeds"]
    decisive, steady = [], []
    for reading, labels in READINGS.items():
        asked = [arms[label] for label in labels if label in arms and arms[label].trials]
        if differing := [arm for arm in asked if p_value(counts(fresh), counts(arm)) < LEVEL]:
            decisive.append(f"{reading} ({listed(differing)})")
        elif asked:
            steady.append(f"{reading} ({listed(asked)})")
    sentences = [
        "Later descriptions of the report call the concurrent version parallel and the other sequential; the report "
        f"itself could not be consulted. Against its claims, at p < {LEVEL:g}: {'; '.join(solved)}.",
        f"From reset, a state that the stream never visits: {'; '.join(from_reset)}.",
        f"At some check, if not at the end, {fresh.count('ever_solved')}/{fresh.trials} of *{fresh.label}* solve.",
    ]
    if decisive:
        sentences.append(f"So the outcome hangs on {' and on '.join(decisive)}, which its claims do not tell.")
    if steady:
        sentences.append(f"It is not seen to hang on {' or on '.join(steady)}.")
    return " ".join(sentences)


VERDICTS: dict[str, Callable[[Question], str]] = {
    "paper_claims": _paper_claims,
    "full_credit": _full_credit,
    "exploration": _exploration,
    "ablations": _ablations,
    "extrapolation": _extrapolation,
    "fki_126_90": _fki_126_90,
}
