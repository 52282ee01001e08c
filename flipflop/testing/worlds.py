"""Checks of worlds: what they draw, from one uniform a time step, and training in them. Their pain is in pains.py.

Shapes as in flipflop.core.worlds.base: R runs, T time steps, B episodes, E event channels; N outer steps at once.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipflop.core.worlds.base import Episodes, World
from flipflop.testing.configs import config_of, is_sound, sound, stream_of, varied
from flipflop.testing.differences import same_bits
from flipflop.testing.lockstep import check_training
from flipflop.testing.subject import Check, Subject

Floats = NDArray[np.floating]
N, B = 2, 4  # not as many episodes as runs, so that one is not taken for the other
RUNS = (0, 1, 2)


def world_of(subject: Subject, runs: tuple[int, ...] = RUNS, dtype: str = "float64") -> World:
    """Make the world of some runs, which differ in every knob that may vary within a block."""
    configs = varied(config_of(subject))
    world: World = subject.part.make([configs[run].env for run in runs], dtype)
    return world


def uniforms_of(subject: Subject, *leading: int) -> Floats:
    """Draw one uniform per time step, (..., R, T, B)."""
    shape = (*leading, len(RUNS), subject.knobs.episode_length, B)
    return np.random.default_rng(1).random(shape)


def draw(subject: Subject, world: World, uniforms: Floats, past: Any = None) -> Episodes:
    """Draw episodes from uniforms (..., R, T, B) that the world cannot change, and check their shapes and values."""
    given = uniforms.copy()
    given.flags.writeable = False
    try:
        drawn = world.draw(given, past)
    except Exception as error:
        words = f"it must draw from one uniform a time step, of shape {given.shape}, but raises"
        raise subject.fault(f"{words} {type(error).__name__}: {error}") from error
    shape = (*given.shape, len(world.channels))
    words = f"events have shape {drawn.events.shape}: it must be {shape}, (..., R, T, B, E)"
    subject.require(drawn.events.shape == shape, words)
    subject.require(bool(np.isin(drawn.events, (0, 1)).all()), "events must be 0 or 1")
    words = f"desired has shape {drawn.desired.shape}: it must be {given.shape}, (..., R, T, B)"
    subject.require(drawn.desired.shape == given.shape, words)
    is_action = bool(((drawn.desired >= 0) & (drawn.desired <= 1)).all())
    subject.require(is_action, "what is desired must be from 0 to 1")
    if drawn.asked is not None:
        words = f"asked has shape {drawn.asked.shape}: it must be {given.shape}, (..., R, T, B), or asked None"
        subject.require(drawn.asked.shape == given.shape, words)
        subject.require(bool(np.isin(drawn.asked, (0, 1)).all()), "asked must be 0 or 1, or None")
    return drawn


def check_attributes(subject: Subject) -> None:
    """Check that channels, reach and situations are of one piece."""
    sound(subject, config_of(subject))
    world = world_of(subject)
    channels = world.channels
    named = isinstance(channels, tuple) and all(isinstance(name, str) for name in channels)
    words = f"channels is {channels!r}: it must be a tuple of different names"
    subject.require(named and len(set(channels)) == len(channels), words)
    reach = world.reach
    words = f"reach is {reach!r}: it must be a whole number of time steps, 0 or more"
    subject.require(isinstance(reach, int) and reach >= 0, words)
    for name, events in world.situations.items():
        for event in events:
            words = f"situation {name!r} has event {event!r}: it must be one of its channels, or None"
            subject.require(event is None or event in channels, words)
        words = f"situation {name!r} has {len(events)} time steps: it must have more than its reach, {reach}"
        subject.require(len(events) > reach, words)


def check_draws(subject: Subject) -> None:
    """Check that the same uniforms give the same, and that a time step depends on uniforms up to its own."""
    world, uniforms = world_of(subject), uniforms_of(subject)
    drawn = draw(subject, world, uniforms)
    state = _global_state()
    again = draw(subject, world, uniforms)
    alone = "it must draw no random numbers itself: one uniform a time step decides"
    subject.require(_global_state() == state, f"draw uses numpy's global generator: {alone}")
    subject.require(_same(drawn, again), f"the same uniforms give other episodes when drawn again: {alone}")
    for t in range(1, uniforms.shape[1]):
        later = uniforms.copy()
        later[:, t:] = 1 - later[:, t:]
        words = f"time steps before {t} change with the uniforms from {t} on: they must depend on those up to their own"
        subject.require(_same(_steps(drawn, 0, t), _steps(draw(subject, world, later), 0, t)), words)
    other = uniforms.copy()
    other[..., 1] = 1 - other[..., 1]
    first = np.s_[:, :, 0]
    is_kept = _same(rows_of(drawn, first), rows_of(draw(subject, world, other), first))
    subject.require(is_kept, "an episode changes with the uniforms of another")


def check_many(subject: Subject) -> None:
    """Check that outer steps and runs give alone what they give beside others."""
    world, uniforms = world_of(subject), uniforms_of(subject, N)
    together = draw(subject, world, uniforms)
    lags = world.lags(together.events)
    for i in range(N):
        one = draw(subject, world, uniforms[i])
        words = "an outer step is drawn otherwise beside others, (N, R, T, B), than alone, (R, T, B)"
        subject.require(_same(rows_of(together, i), one), words)
        if lags is not None:
            subject.require(same_bits(lags[i], world.lags(one.events)), words.replace("is drawn", "has lags"))
    block = draw(subject, world, uniforms[0])
    for runs in ((0,), (1,), (2,), RUNS[::-1]):
        own = draw(subject, world_of(subject, runs), uniforms[0][list(runs)])
        how = "alone" if len(runs) == 1 else "in reverse order"
        words = f"a run draws other episodes {how} than in a block whose runs differ in what may vary"
        subject.require(_same(rows_of(block, list(runs)), own), words)


def check_stream(subject: Subject) -> None:
    """Check that time steps drawn in two parts, with the past between them, are those drawn at once."""
    world, uniforms = world_of(subject), uniforms_of(subject)
    whole, rest = draw(subject, world, uniforms), world.at_rest(len(RUNS), B)
    words = "at_rest() must return a NamedTuple of arrays (R, B), or () where nothing is remembered"
    subject.require(hasattr(rest, "_fields") or rest == (), words)
    for name, array in zip(getattr(rest, "_fields", ()), rest, strict=True):
        words = f"{name} of at_rest() has shape {np.shape(array)}: it must be (R, B, ...), here {(len(RUNS), B)}"
        subject.require(np.shape(array)[:2] == (len(RUNS), B), words)
    parts_at = (1, uniforms.shape[1] // 2, uniforms.shape[1] - 1)
    for middle in parts_at:
        first = draw(subject, world, uniforms[:, :middle], rest)
        past = world.after(first, rest)
        subject.require(type(past) is type(rest), "after() returns another type than at_rest()")
        second = draw(subject, world, uniforms[:, middle:], past)
        for part, own in ((first, _steps(whole, 0, middle)), (second, _steps(whole, middle, None))):
            if world.reach:  # where an action is never felt it is not judged, so that the end matters
                part, own = part._replace(asked=None), own._replace(asked=None)
            words = f"{middle} time steps and then the others, with after() between them, are not all drawn at once"
            subject.require(_same(part, own), words)
        lags = world.lags(whole.events)
        if lags is not None:
            halves = world.lags(first.events, rest), world.lags(second.events, past)
            words = f"lags of {middle} time steps and then of the others are not those of all at once"
            subject.require(bool(np.array_equal(np.concatenate(halves, axis=1), lags)), words)  # type: ignore[arg-type]


def check_lags(subject: Subject) -> None:
    """Check that lags count time steps: whole numbers, one more where nothing fires, at most those so far."""
    world = world_of(subject)
    drawn = draw(subject, world, uniforms_of(subject))
    lags = world.lags(drawn.events)
    if lags is None:
        return
    words = f"lags have shape {lags.shape}: it must be {drawn.desired.shape}, (R, T, B)"
    subject.require(lags.shape == drawn.desired.shape, words)
    subject.require(lags.dtype.kind in "iu", f"lags are {lags.dtype}: they must be whole numbers")
    passed = np.arange(1, lags.shape[1] + 1)[:, None]
    within = bool(((lags >= 0) & (lags <= passed)).all())
    subject.require(within, "lags must be from 0 to the number of time steps so far")
    is_quiet = np.equal(drawn.events.sum(axis=-1), 0)[:, 1:]
    grows = np.equal(np.diff(lags, axis=1), 1)
    subject.require(bool(grows[is_quiet].all()), "a lag must grow by 1 at a time step without events")


def check_precision(subject: Subject) -> None:
    """Check that in float32 the same events come from the same uniforms, in float32."""
    uniforms = uniforms_of(subject)
    double = draw(subject, world_of(subject), uniforms)
    single = draw(subject, world_of(subject, dtype="float32"), uniforms)
    for name, array in single._asdict().items():
        if array is not None:
            words = f"{name} are {array.dtype} in a world of float32: they must have its dtype"
            subject.require(array.dtype == np.float32, words)
            same = np.allclose(array, getattr(double, name), atol=1e-6)
            subject.require(bool(same), f"{name} in float32 are not those in float64")


def check_trained(subject: Subject) -> None:
    """Check that training in it, by each method that takes it, gives the same bits alone, in blocks and resumed."""
    for method in ("world_model", "direct"):
        check_training(subject, sound(subject, config_of(subject, method)))
    stream = stream_of(subject)
    if is_sound(stream):
        check_training(subject, stream)


def rows_of(drawn: Episodes, rows: Any) -> Episodes:
    """Return some rows, or other parts, of each array of episodes."""
    return Episodes(*(None if array is None else array[rows] for array in drawn))  # type: ignore[arg-type]


def _steps(drawn: Episodes, first: int, last: int | None) -> Episodes:
    return rows_of(drawn, np.s_[:, first:last])


def _same(ours: Episodes, theirs: Episodes) -> bool:
    return all(
        (a is None and b is None) or (a is not None and b is not None and same_bits(a, b))
        for a, b in zip(ours, theirs, strict=True)
    )


def _global_state() -> str:
    return repr(np.random.get_state())  # noqa: NPY002


CHECKS: tuple[Check, ...] = (
    ("what it declares", check_attributes),
    ("what it draws", check_draws),
    ("that outer steps and runs are apart", check_many),
    ("its lags", check_lags),
    ("streams of it", check_stream),
    ("its precision", check_precision),
)
TRAINING: tuple[Check, ...] = (("training in it", check_trained),)
