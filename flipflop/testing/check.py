"""The check of a part of any kind."""

import random
from typing import Any

import numpy as np

from flipflop import parts
from flipflop.testing import cells, knobs, methods, metrics, optimisers, outputs, pains, sensitivities, worlds
from flipflop.testing.configs import knobs_of
from flipflop.testing.subject import Check, PartFault, Subject, run_checks

CHECKS: dict[str, tuple[Check, ...]] = {
    "cell": cells.CHECKS + sensitivities.CHECKS + cells.TRAINING,
    "output": outputs.CHECKS,
    "world": worlds.CHECKS + pains.CHECKS + worlds.TRAINING,
    "optimiser": optimisers.CHECKS,
    "method": methods.CHECKS,
    "metric": metrics.CHECKS,
}


def check_part(kind: str, part: Any, /, **given: Any) -> None:
    """Check that a part keeps the contract of its kind; return None if it does.

    Args:
        kind: cell, output, world, optimiser, method or metric.
        part: the registered class, or the function of a metric.
        given: values of its knobs; the others are the defaults of its dataclass.

    Raises:
        PartFault: it does not, or it is not registered; the message is one sentence.
    """
    name = getattr(part, "__name__", repr(part))
    if kind not in parts.KINDS:
        raise PartFault(f"{kind} {name}: there is no kind {kind}: it must be one of {', '.join(parts.KINDS)}")
    registered = [known for known in parts.registered_by(getattr(part, "__module__", "")) if known.make is part]
    found = [known for known in registered if known.kind == kind]
    if not found:
        other = f", but as {registered[0].kind} {registered[0].name}" if registered else ""
        raise PartFault(f'{kind} {name}: it is not registered{other}: put @parts.{kind}("a_name") above it')
    for known in found:
        subject = Subject(known, knobs_of(known, given))
        before = _global_generators()
        with np.errstate(all="ignore"):
            run_checks(subject, knobs.CHECKS)
            run_checks(subject, CHECKS[kind])
        subject.require(
            _global_generators() == before,
            "it draws from a global random generator, so that its numbers do not follow from a run's seed",
        )


def _global_generators() -> tuple[bytes, Any]:
    """Return the states of numpy's and Python's global generators."""
    state: Any = np.random.get_state()  # noqa: NPY002
    return bytes(state[1].tobytes()) + repr(state[2:]).encode(), random.getstate()
