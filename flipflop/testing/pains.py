"""Checks of a world's pain: which actions it depends on, and its derivative. Shapes as in worlds.py."""

import numpy as np
from numpy.typing import NDArray

from flipflop.core.worlds.base import Episodes, World
from flipflop.testing.differences import derivative, farthest, same_bits
from flipflop.testing.subject import Check, Subject
from flipflop.testing.worlds import RUNS, draw, rows_of, uniforms_of, world_of

Floats = NDArray[np.floating]


def check_pain(subject: Subject) -> None:
    """Check that the pain of a time step depends on the actions up to it, is 0 or more, and is that of pains()."""
    world, drawn, actions = _given(subject)
    T = actions.shape[1]
    step_by_step = _by_step(subject, world, drawn, actions, actions)
    other = _by_step(subject, world, drawn, actions, 1 - actions)
    for t in range(T):
        words = f"the pain of time step {t} depends on a later action: it must depend on those up to it"
        subject.require(same_bits(other[:, t], step_by_step[:, t]), words)
    subject.require(
        bool(np.isfinite(step_by_step).all()), "pain() does not write every pain, or writes what is not finite"
    )
    subject.require(bool((step_by_step >= 0).all()), f"a pain is {step_by_step.min():.3g}: it must be 0 or more")
    moved = actions.copy()
    moved[..., 1:] = 1 - moved[..., 1:]
    own = _by_step(subject, world, drawn, moved, moved)[..., 0]
    words = "the pain of an episode changes with the actions of another: pain() must give one for each run and episode"
    subject.require(same_bits(own, step_by_step[..., 0]), words)
    kept = actions.copy()
    pains = world.pains(kept, drawn)
    words = f"pains() has shape {np.shape(pains)}: it must be {actions.shape}, (R, T, B)"
    subject.require(np.shape(pains) == actions.shape, words)
    off = farthest(pains, step_by_step)
    subject.require(off <= 1e-12, f"pains() is off by {off:.0e} of its size from pain() of each time step")
    subject.require(same_bits(kept, actions), "pains() changes the actions")


def check_reach(subject: Subject) -> None:
    """Check that the pain of an action comes `reach` time steps after it, and none before."""
    world, drawn, actions = _given(subject)
    pains, reach, T = world.pains(actions.copy(), drawn), world.reach, actions.shape[1]
    is_asked = np.ones(actions.shape, bool) if drawn.asked is None else drawn.asked != 0
    is_felt = False
    for s in range(T):
        moved = actions.copy()
        moved[:, s] = (moved[:, s] + 0.37) % 1
        changed = world.pains(moved, drawn) != pains
        words = f"the action of time step {s} changes a pain less than reach = {reach} time steps after it"
        subject.require(not changed[:, : s + reach].any(), words)
        is_felt |= s + reach < T and bool((changed[:, s + reach] & is_asked[:, s]).any())
    if is_asked[:, : T - reach].any():
        words = f"reach is {reach}, but no pain changes with a judged action {reach} time steps before"
        subject.require(is_felt, words)


def check_gradient(subject: Subject) -> None:
    """Check that pain_gradient is the derivative of the summed pain to every action."""
    world, drawn, actions = _given(subject)
    kept = actions.copy()
    ours = world.pain_gradient(kept, drawn)
    words = f"pain_gradient has shape {ours.shape}: it must be {actions.shape}, (R, T, B)"
    subject.require(ours.shape == actions.shape, words)
    subject.require(same_bits(kept, actions), "pain_gradient changes the actions")
    numerical = np.empty_like(actions)
    for t in range(actions.shape[1]):

        def summed(width: float, t: int = t) -> Floats:
            moved = actions.copy()
            moved[:, t] += width
            return np.asarray(world.pains(moved, drawn).sum(axis=1))

        numerical[:, t] = derivative(summed)
    scale = max(np.abs(numerical).max(), np.finfo(float).tiny)
    off = np.abs(ours - numerical).max(axis=(0, 2)) / scale
    if not (off <= 1e-7).all():
        t = int(np.argmax(~(off <= 1e-7)))
        words = f"pain_gradient to the action of time step {t} is off by {off[t]:.0e} of its size"
        raise subject.fault(f"{words}, checked against finite differences of the summed pains")


def check_runs_apart(subject: Subject) -> None:
    """Check that a run's pains and their gradient are the same alone and reversed, and stay float32 in float32."""
    world, drawn, actions = _given(subject)
    found = world.pains(actions.copy(), drawn), world.pain_gradient(actions.copy(), drawn)
    for runs in ((0,), (1,), (2,), RUNS[::-1]):
        rows = list(runs)
        of_runs, alone = rows_of(drawn, rows), world_of(subject, runs)
        for name, whole in zip(("pains", "pain_gradient"), found, strict=True):
            own = getattr(alone, name)(actions[rows], of_runs)
            subject.require(same_bits(own, whole[rows]), f"{name}() of a run depends on the runs beside it")
    single = world_of(subject, dtype="float32")
    drawn32 = draw(subject, single, uniforms_of(subject))
    for name, whole in zip(("pains", "pain_gradient"), found, strict=True):
        own = getattr(single, name)(actions.astype(np.float32), drawn32)
        words = f"in float32 {name}() is {own.dtype}: it must have the dtype of the actions"
        subject.require(own.dtype == np.float32, words)
        off = farthest(own, whole)
        subject.require(off < 1e-4, f"in float32 {name}() is off by {off:.0e} of its size from that in float64")


def _given(subject: Subject) -> tuple[World, Episodes, Floats]:
    world, uniforms = world_of(subject), uniforms_of(subject)
    actions = 0.05 + 0.9 * np.random.default_rng(2).random(uniforms.shape)
    return world, draw(subject, world, uniforms), actions


def _by_step(subject: Subject, world: World, drawn: Episodes, actions: Floats, later: Floats) -> Floats:
    """Return the pain of each time step, (R, T, B), where the actions after it stand as `later`."""
    T = actions.shape[1]
    pains = np.full_like(actions, np.nan)
    for t in range(T):
        now = [*actions[:, : t + 1].swapaxes(0, 1).copy(), *later[:, t + 1 :].swapaxes(0, 1).copy()]
        # After the last time step, too, there is something to look at, so that whoever does is found.
        now += [later[:, 0].copy() for _ in range(world.reach + 2)]
        before = [action.copy() for action in now]
        world.pain(t, now, drawn, out=pains[:, t])
        kept = all(same_bits(ours, theirs) for ours, theirs in zip(now, before, strict=True))
        subject.require(kept, "pain() changes the actions")
    return pains


CHECKS: tuple[Check, ...] = (
    ("its pain", check_pain),
    ("its reach", check_reach),
    ("the derivative of its pain", check_gradient),
    ("that it keeps runs apart", check_runs_apart),
)
