"""check_part: all of flipflop's own parts keep their contracts, and parts that do not are told so in a sentence."""

import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest

from flipflop import parts
from flipflop.config import schema
from flipflop.config.rules import (
    AboveZero,
    ClipNorm,
    Count,
    Probability,
    Rule,
    Scale,
    VaryingAboveZero,
    ZeroOrMore,
    one_of,
)
from flipflop.core.learning.optimisers.base import Optimiser
from flipflop.core.methods.direct import DirectBlock
from flipflop.core.nets.cells.base import Cell, sigmoid
from flipflop.core.nets.cells.gru import GRU
from flipflop.core.nets.outputs.base import OutputUnit
from flipflop.core.nets.outputs.deterministic import Deterministic
from flipflop.core.nets.outputs.gaussian import Gaussian, GaussianKnobs
from flipflop.core.nets.outputs.mean_sigma import MeanSigma
from flipflop.core.training.episodic import EpisodicBlock
from flipflop.core.worlds.base import Episodes
from flipflop.core.worlds.delayed import Delayed, DelayedKnobs
from flipflop.core.worlds.toggle import Toggle, ToggleKnobs
from flipflop.testing import PartFault, check_part

LATCH = {"p_a": 0.1, "p_b": 0.2, "p_x": 0.25, "pain_at": "every", "min_lag": 0}
ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
WORLD_MODEL = {
    "credit": "one_step",
    "schedule": "concurrent",
    "warmup_steps": 3,
    "rollouts_per_step": 2,
    "data": "random",
    "random_fraction": None,
    "exploration_fraction": 0.0,
}
RTRL = {
    "credit": "full",
    "through_pain": False,
    "schedule": "concurrent",
    "warmup_steps": 0,
    "exploration_fraction": 0.0,
    "stop_after": None,
}
# Values of the knobs of flipflop's own parts, which have no defaults: each part is checked with each of its entries. A
# part without an entry is checked without values, and fails if it needs some.
VALUES = {
    ("cell", "elman"): [{"activation": "tanh"}, {"activation": "logistic"}],
    ("cell", "feedforward"): [{"activation": "tanh"}],
    ("cell", "lstm"): [{"forget_bias": 1.0}],
    ("output", "gaussian"): [{"scale": 0.3}],
    ("output", "logit_noise"): [{"scale": 1.0}],
    ("output", "mean_sigma"): [{"scale": 1.0}],
    ("world", "latch"): [LATCH, LATCH | {"pain_at": "x"}, LATCH | {"min_lag": 2}],
    ("world", "delayed"): [LATCH | {"delay": delay} for delay in (0, 1, 3)],
    ("world", "toggle"): [{"p_toggle": 0.2, "p_x": 0.25}],
    ("optimiser", "adam"): [ADAM],
    ("optimiser", "rmsprop"): [{"decay": 0.9, "eps": 1e-8}],
    ("method", "world_model"): [
        WORLD_MODEL,
        WORLD_MODEL | {"credit": "full", "data": "mixed", "random_fraction": 0.5, "exploration_fraction": 0.1},
        WORLD_MODEL | {"schedule": "model_first", "warmup_steps": 4},
    ],
    ("method", "rtrl_1990"): [
        RTRL,
        RTRL | {"credit": "one_step", "schedule": "model_first", "warmup_steps": 8, "exploration_fraction": 0.2},
        RTRL | {"through_pain": True, "stop_after": 1},
    ],
}  # fmt: skip
OWN = [
    pytest.param(kind, name, values, id=f"{kind}-{name}-{number}")
    for kind in parts.KINDS
    for name in parts.own_names(kind)
    for number, values in enumerate(VALUES.get((kind, name), [{}]))
]


@pytest.mark.parametrize(("kind", "name", "values"), OWN)
def test_flipflops_own_parts(kind, name, values):
    """Each of flipflop's own parts keeps the contract of its kind."""
    assert check_part(kind, parts.get(kind, name).make, **values) is None


def test_every_entry_is_of_a_part():
    """The table of values above names parts that there are."""
    assert {key for key in VALUES if key[1] not in parts.own_names(key[0])} == set()


@pytest.fixture
def fault():
    """Register a part under a throwaway name, check it, and return the sentence; forget the part afterwards."""

    def checked(kind, part, knobs=None, **given):
        register = parts.metric("wrong") if kind == "metric" else parts.register(kind, "wrong", knobs)
        with pytest.raises(PartFault) as caught:
            check_part(kind, register(part), **given)
        return str(caught.value)

    yield checked
    for key in [key for key in parts._registered if key[1] in ("wrong", "sound")]:
        del parts._registered[key]  # those of flipflop that a check imports stay


class Plain(Cell):
    """A tanh cell without faults, for subclasses that have one."""

    gates = 1

    def __init__(self, knobs, R, T, B, hidden, dtype):
        self.dtype = dtype

    def forward(self, z, t, before, h):
        np.tanh(z, out=h)

    def slopes(self, h):
        return (1 - h * h,)

    def backward(self, dh, dc, slopes, out):
        np.multiply(dh, slopes[0], out=out)


class WrongSlope(Plain):
    def slopes(self, h):
        return (1 - h,)


class WrongGate(GRU):
    def slopes(self, h):
        to_z, u = super().slopes(h)
        to_z[..., 1, :] *= 1.03
        return to_z, u


class WrongMemory(GRU):
    def backward(self, dh, dc, slopes, out):
        super().backward(dh, dc, slopes, out)
        dc *= 0.9


class MixesEpisodes(Plain):
    def forward(self, z, t, before, h):
        np.tanh(z - z.mean(axis=1, keepdims=True), out=h)


class MixesRuns(Plain):
    def forward(self, z, t, before, h):
        np.tanh(z - z.mean(axis=0), out=h)


class Widens(Plain):
    def __init__(self, knobs, R, T, B, hidden, dtype):
        self.one = np.ones(hidden)

    def slopes(self, h):
        return (self.one - h * h,)


class WidensQuietly(Plain):
    def __init__(self, knobs, R, T, B, hidden, dtype):
        self.kept = np.zeros((T, R, B, hidden))

    def forward(self, z, t, before, h):
        self.kept[t] = z
        np.tanh(self.kept[t], out=h, casting="same_kind")


class Sensitive(GRU):
    carries_sensitivities = True


class UsesState(Plain):
    """Its way back is right, but h is no function of z alone."""

    carries_sensitivities = True

    def forward(self, z, t, before, h):
        np.tanh(z + before / 10, out=h)

    def backward(self, dh, dc, slopes, out):
        np.multiply(dh + dc, slopes[0], out=out)
        dc[...] = out / 10


class Unsteady(Plain):
    """Its inner state goes on from one rollout to the next."""

    def __init__(self, knobs, R, T, B, hidden, dtype):
        self.last = np.zeros((R, B, hidden), dtype)

    def forward(self, z, t, before, h):
        self.last *= 0.5
        self.last += np.tanh(z)
        h[...] = self.last / 2


class ChangesState(Plain):
    def forward(self, z, t, before, h):
        np.tanh(z, out=h)
        before *= 0.9


class NeedsBatch(Plain):
    def forward(self, z, t, before, h):
        if z.shape[-2] == 1:
            raise IndexError("too few episodes")
        super().forward(z, t, before, h)


class ReturnsState(Plain):
    def forward(self, z, t, before, h):
        return np.tanh(z)


class ReturnsOut(Plain):
    def backward(self, dh, dc, slopes, out):
        return dh * slopes[0]


class AddsToOut(Plain):
    def backward(self, dh, dc, slopes, out):
        out += dh * slopes[0]


class SharesBuffer(Plain):
    """Keeps z of all rollouts in one place, as a module global would."""

    kept = np.zeros((100, 3, 100, 3))

    def forward(self, z, t, before, h):
        self.kept[t, : len(z), : z.shape[1]] = z
        np.tanh(z, out=h)

    def slopes(self, h):
        return (1 - np.tanh(self.kept[: len(h), : h.shape[1], : h.shape[2]]) ** 2,)


class TooFewNames(GRU):
    gate_names = ("u", "r")


class WrongBias(Plain):
    @staticmethod
    def initial_bias(knobs, hidden):
        return np.ones(2 * hidden)


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (WrongSlope, r"the derivative to z of gate 0 at time step 4 of 5 is off by .* finite differences with B = 1"),
        (WrongGate, r"the derivative to z of gate 1 \(r\) at time step 4 of 5 is off by 3e-02"),
        (WrongMemory, r"the derivative to z of gate \d \(\w\) at time step 3 of 5 is off by"),
        (ReturnsState, r"forward does not write all of h"),
        (ReturnsOut, r"backward does not write all of out"),
        (AddsToOut, r"backward does not write all of out \(it must neither add to it nor bind it anew\)"),
        (SharesBuffer, r"the way back changes with the forward pass of another rollout: it keeps something outside"),
        (MixesRuns, r"a run's h is another in a block of 3 than alone .*: it mixes runs"),
        (MixesEpisodes, r"an episode changes with the inputs of another"),
        (Widens, r"in float32 (array 0 of slopes\(\)|its array one) is float64"),
        (WidensQuietly, r"in float32 its array kept is float64"),
        (Sensitive, r"it says that it carries sensitivities, but has 4 gates"),
        (UsesState, r"it says that it carries sensitivities, but h depends on h of the step before"),
        (Unsteady, r"a rollout depends on the one before in the same buffers"),
        (ChangesState, r"forward changes h of the time step before"),
        (NeedsBatch, r"IndexError while checking its forward pass: too few episodes"),
        (TooFewNames, r"gate_names has 2 entries but gates is 4"),
        (WrongBias, r"initial_bias has shape \(6,\)"),
    ],
)
def test_wrong_cells(fault, cell, sentence):
    """A cell with a fault is told which."""
    assert_told(fault("cell", cell), "cell", sentence)


def assert_told(told, kind, sentence):
    """The sentence names the part and what is wrong."""
    assert told.startswith(f"{kind} wrong: ")
    assert re.search(sentence, told), told
    assert "\n" not in told


class TwoUniforms(Toggle):
    def fire(self, uniforms, past):
        return super().fire(uniforms[..., 0], past) * (uniforms[..., 1:] < 0.5)


class Throws(Toggle):
    def fire(self, uniforms, past):
        first, second = uniforms
        return super().fire(first + second, past)


class GlobalRandom(Toggle):
    def fire(self, uniforms, past):
        return super().fire(np.random.random(uniforms.shape), past)  # noqa: NPY002


class OwnGenerator(Toggle):
    def __init__(self, knobs, dtype):
        super().__init__(knobs, dtype)
        self.generator = np.random.default_rng(0)

    def fire(self, uniforms, past):
        return super().fire(self.generator.random(uniforms.shape), past)


class LooksAhead(Toggle):
    def fire(self, uniforms, past):
        return super().fire(np.roll(uniforms, -1, axis=-2), past)


class LaterAction(Toggle):
    def pain(self, t, actions, drawn, out):
        np.square(actions[t + 1] - drawn.desired[:, t], out=out)


class WrongGradient(Toggle):
    def pain_gradient(self, actions, drawn):
        return actions - drawn.desired


class WrongPains(Toggle):
    def pains(self, actions, drawn):
        return super().pains(actions, drawn) / 2


class PainPerRun(Toggle):
    def pain(self, t, actions, drawn, out):
        out[...] = np.square(actions[t] - drawn.desired[:, t]).mean(axis=-1)


class PainOfAllEpisodes(Toggle):
    def pain(self, t, actions, drawn, out):
        out[...] = np.square(actions[t] - drawn.desired[:, t]).mean(axis=-1, keepdims=True)


class PainsPerRun(Toggle):
    def pains(self, actions, drawn):
        return super().pains(actions, drawn).mean(axis=-1)


class NegativePain(Toggle):
    def pain(self, t, actions, drawn, out):
        np.subtract(actions[t], drawn.desired[:, t], out=out)


class WrongReach(Delayed):
    @property
    def reach(self):
        return self.delay - 1


class AtOnce(Toggle):
    reach = 2
    situations = {"nothing": (None,) * 3}  # noqa: RUF012


class Forgets(Toggle):
    def after(self, drawn, past):
        return self.at_rest(len(drawn.desired), drawn.desired.shape[-1])


class OneRate(Toggle):
    def __init__(self, knobs, dtype):
        super().__init__([knobs[0]] * len(knobs), dtype)


class WidensWorld(Toggle):
    def judge(self, events, past):
        desired, asked = super().judge(events, past)
        return desired.astype(float), asked


class WrongLags(Toggle):
    def lags(self, events, past=None):
        return super().lags(events, past) * 2


class UnknownSituation(Toggle):
    situations = {"after Y": ("Y", None)}  # noqa: RUF012


class OfOtherShape(Toggle):
    def draw(self, uniforms, past=None):
        events, desired, asked = super().draw(uniforms, past)
        return Episodes(events[..., 0], desired, asked)


@dataclass(kw_only=True)
class ToggleDefaults(ToggleKnobs):
    episode_length: Count = 8
    p_toggle: Probability = 0.2
    p_x: Probability = 0.25


@dataclass(kw_only=True)
class DelayedDefaults(DelayedKnobs):
    episode_length: Count = 8
    p_a: Probability = 0.1
    p_b: Probability = 0.2
    p_x: Probability = 0.25
    pain_at: Annotated[str, one_of("every", "x")] = "every"
    min_lag: ZeroOrMore = 0
    delay: ZeroOrMore = 2


@pytest.mark.parametrize(
    ("world", "sentence"),
    [
        (TwoUniforms, r"it must draw from one uniform a time step, of shape \(3, 8, 4\)"),
        (Throws, r"it must draw from one uniform a time step, of shape .* but raises ValueError"),
        (GlobalRandom, r"draw uses numpy's global generator: it must draw no random numbers itself"),
        (OwnGenerator, r"the same uniforms give other episodes when drawn again"),
        (LooksAhead, r"time steps before \d change with the uniforms from \d on"),
        (LaterAction, r"the pain of time step \d depends on a later action"),
        (WrongGradient, r"pain_gradient to the action of time step \d is off by .* finite differences"),
        (WrongPains, r"pains\(\) is off by 5e-01 of its size from pain\(\)"),
        (PainPerRun, r"ValueError while checking its pain: could not broadcast .* shape \(3,\) into shape \(3,4\)"),
        (PainOfAllEpisodes, r"the pain of an episode changes with the actions of another"),
        (PainsPerRun, r"pains\(\) has shape \(3, 8\): it must be \(3, 8, 4\)"),
        (NegativePain, r"a pain is -0\.\d+: it must be 0 or more"),
        (WrongReach, r"reach is 1, but no pain changes with a judged action 1 time steps before"),
        (AtOnce, r"changes a pain less than reach = 2 time steps after it"),
        (Forgets, r"1 time steps and then the others, with after\(\) between them, are not all drawn at once"),
        (OneRate, r"a run draws other episodes .* than in a block"),
        (WidensWorld, r"desired are float64 in a world of float32"),
        (WrongLags, r"lags must be from 0 to the number of time steps so far"),
        (UnknownSituation, r"situation 'after Y' has event 'Y'"),
        (OfOtherShape, r"events have shape \(3, 8, 4\): it must be \(3, 8, 4, 2\)"),
    ],
)
def test_wrong_worlds(fault, world, sentence):
    """A world with a fault is told which."""
    knobs = DelayedDefaults if world is WrongReach else ToggleDefaults
    assert_told(fault("world", world, knobs), "world", sentence)


@dataclass(kw_only=True)
class MomentumKnobs(schema.Optimiser):
    lr_controller: VaryingAboveZero = 0.1
    lr_world_model: VaryingAboveZero = 0.1
    clip_norm: ClipNorm = 1.0
    momentum: Probability = 0.5


class Momentum(Optimiser):
    """Without faults, for subclasses that have one."""

    def __init__(self, theta, lr, knobs):
        super().__init__(theta, lr, knobs)
        self.m = np.zeros_like(theta)
        self.momentum = np.array([[own.momentum] for own in knobs], theta.dtype)

    def change(self, gradient, learns):
        self.m *= np.where(True if learns is None else learns[:, None], self.momentum, 1)
        self.m += gradient
        return self.lr * self.m

    def state(self):
        return {"m": self.m}


class IgnoresLearns(Momentum):
    def update(self, gradient, learns):
        super().update(gradient, None)


class DecaysWhileWaiting(Momentum):
    def __init__(self, theta, lr, knobs):
        super().__init__(theta, lr, knobs)
        self.m[...] = 1

    def change(self, gradient, learns):
        self.m *= self.momentum
        self.m += gradient
        return self.lr * self.m


class ForgetsState(Momentum):
    def state(self):
        return {}


class CopiesState(Momentum):
    def state(self):
        return {"m": self.m.copy()}


class CountsUpdates(Momentum):
    steps = 0

    def change(self, gradient, learns):
        self.steps += 1
        return super().change(gradient, learns) / self.steps


class DoesNotClip(Momentum):
    def update(self, gradient, learns):
        if learns is not None:
            gradient[~learns] = 0
        change = self.change(gradient, learns)
        if learns is not None:
            change[~learns] = 0
        self.theta -= change


class SharesMomentum(Momentum):
    """Keeps its momentum by shape, as in a module global."""

    kept = {}  # noqa: RUF012

    def change(self, gradient, learns):
        m = self.kept.setdefault(gradient.shape, np.zeros_like(gradient))
        m += gradient
        return self.lr * m

    def state(self):
        return {}


class OneRateForAll(Momentum):
    def change(self, gradient, learns):
        return self.lr.mean() * gradient

    def state(self):
        return {}


class Ascends(Momentum):
    def change(self, gradient, learns):
        return -super().change(gradient, learns)


class WidensMoments(Momentum):
    def __init__(self, theta, lr, knobs):
        super().__init__(theta, lr, knobs)
        self.m = np.zeros(theta.shape)


@pytest.mark.parametrize(
    ("optimiser", "sentence"),
    [
        (IgnoresLearns, r"a run where learns is False does not keep its weights"),
        (DecaysWhileWaiting, r"a run where learns was never True does not keep its state m"),
        (ForgetsState, r"with its weights and its state put back it goes on otherwise: state\(\) leaves something out"),
        (CopiesState, r"state\(\) returns a copy of m"),
        (CountsUpdates, r"descends otherwise than one that begins then"),
        (DoesNotClip, r"a gradient beyond clip_norm does not move theta as the clipped gradient does"),
        (SharesMomentum, r"made anew, .* it goes on otherwise: it keeps something outside its object"),
        (OneRateForAll, r"descends otherwise"),
        (Ascends, r"300 updates on a bowl do not lessen its loss"),
        (WidensMoments, r"in float32 change\(\) is float64"),
    ],
)
def test_wrong_optimisers(fault, optimiser, sentence):
    """An optimiser with a fault is told which."""
    assert_told(fault("optimiser", optimiser, MomentumKnobs), "optimiser", sentence)


@dataclass(kw_only=True)
class GaussianDefaults(GaussianKnobs):
    scale: Scale = 0.3


class WrongUnitSlope(Deterministic):
    def slope(self, o, noise, y):
        return y * (1 - y) * 1.01


class LeavesUnitInterval(Gaussian):
    def act(self, o, noise, out):
        sigmoid(o, out=out)
        out += noise * self.scale


class UndeclaredNoise(Gaussian):
    draws = None


class UnusedNoise(Deterministic):
    draws = "uniform"


class WrongStraightThrough(OutputUnit):
    """Rounds its action to 0 or 1."""

    def act(self, o, noise, out):
        out[...] = o > 0

    def slope(self, o, noise, y):
        return np.ones_like(o)


class LearnsNothing(WrongStraightThrough):
    def slope(self, o, noise, y):
        return np.zeros_like(o)


class WrongSpread(MeanSigma):
    def slope(self, o, noise, y):
        slopes = super().slope(o, noise, y)
        slopes[:, 1:] *= -1
        return slopes


class ChangesReadOut(Deterministic):
    def act(self, o, noise, out):
        o *= 1.5
        sigmoid(o, out=out)


class MixesUnits(Deterministic):
    def act(self, o, noise, out):
        sigmoid(o - o.mean(axis=0) / 100, out=out)


class WidensSlope(Deterministic):
    def slope(self, o, noise, y):
        return (y * (1 - y)).astype(float)


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (WrongUnitSlope, r"its slope is .* where the action is .*, but .* by finite differences"),
        (LeavesUnitInterval, r"an action must be from 0 to 1, but act writes -?\d"),
        (UndeclaredNoise, r"actions depend on noise, but draws is None"),
        (UnusedNoise, r"draws is 'uniform', but actions do not depend on the noise"),
        (WrongStraightThrough, r"its slope is 1 where the action is .* by the slope of the mean action"),
        (LearnsNothing, r"slope is 0 everywhere: nothing could learn"),
        (WrongSpread, r"its slope to read-out 1 is .* by finite differences"),
        (ChangesReadOut, r"act or slope changes the read-outs or the noise"),
        (MixesUnits, r"its slope is|a run's actions depend on the runs beside it"),
        (WidensSlope, r"in float32 its slope is float64"),
    ],
)
def test_wrong_outputs(fault, output, sentence):
    """An output unit with a fault is told which."""
    knobs = GaussianDefaults if issubclass(output, Gaussian | MeanSigma) else None
    assert_told(fault("output", output, knobs), "output", sentence)


class DoesNothing(EpisodicBlock):
    def outer_step(self, k, batch, noise):
        pass


class WritesNoLoss(DirectBlock):
    """Says, as the base class does, that M learns."""

    has_world_model = True


class WritesNoPain(DirectBlock):
    def outer_step(self, k, batch, noise):
        super().outer_step(k, batch, noise)
        self.pain[:, k] = np.nan


class LearnsNoWeight(DirectBlock):
    def outer_step(self, k, batch, noise):
        self.act(k, batch, noise)


class KeepsAside(DirectBlock):
    """Slows down by a counter of its own, which no checkpoint has."""

    count = 0

    def outer_step(self, k, batch, noise):
        self.count += 1
        acted = self.act(k, batch, noise)
        slope = self.world.pain_gradient(acted.actions, batch.controller) / self.count
        self.controller_step(k, acted, slope, noise)


class CopiesWeights(DirectBlock):
    def learned(self):
        return {name: array.copy() for name, array in super().learned().items()}


class MixesBlock(DirectBlock):
    def outer_step(self, k, batch, noise):
        acted = self.act(k, batch, noise)
        slope = self.world.pain_gradient(acted.actions, batch.controller)
        self.controller_step(k, acted, slope - slope.mean(axis=0), noise)


class OtherUnit(DirectBlock):
    counts_in = "update"


class ShortHistory(DirectBlock):
    def history(self, run):
        history = super().history(run)
        return type(history)(history.pain[:-1], history.world_model_loss, history.accuracy)


class CountsTwice(DirectBlock):
    def summary(self, run, end):
        return super().summary(run, end)._replace(environment_steps=1)


class RefusesAll(DirectBlock):
    @classmethod
    def validate(cls, config):
        from flipflop.config.rules import refuse

        raise refuse("seed", config.seed, "a number of my own")


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        (DoesNothing, r"history.pain is nan at outer step 3 of 12: it must be written for every step"),
        (WritesNoLoss, r"history.world_model_loss is nan at .*: .* for every step, or has_world_model must be False"),
        (WritesNoPain, r"history.pain is nan at outer step 3 of 12: it must be written for every step"),
        (LearnsNoWeight, r"no weight of either net changes in 12 steps"),
        (KeepsAside, r"run 0 resumed after \d+ outer steps by wrong ends with another .*: it keeps something outside"),
        (CopiesWeights, r"resumed after \d+ outer steps"),
        (MixesBlock, r"run 0 trained by wrong ends with another .* in a block of 3 than alone: it mixes runs"),
        (OtherUnit, r"counts_in is 'update': it must be one of outer step, environment step"),
        (ShortHistory, r"history.pain has shape \(3,\): it must be \(4,\)"),
        (CountsTwice, r"environment_steps is 1: of M and of C are 0 and \d+"),
        (RefusesAll, r"it takes none of the small configs that are tried: seed=0 is not allowed"),
    ],
)
def test_wrong_methods(fault, method, sentence):
    """A method with a fault is told which."""
    assert_told(fault("method", method), "method", sentence)


def changes_input(acted, desired, asked, config):
    acted.pain[...] **= 0.5
    return float(acted.pain.mean())


def not_finite(acted, desired, asked, config):
    return acted.pain.sum() / (acted.pain.size if asked is None else asked.sum())


def no_number(acted, desired, asked, config):
    return acted.pain.max(axis=0)


def counts_calls(acted, desired, asked, config):
    counts_calls.calls = getattr(counts_calls, "calls", 0) + 1
    return counts_calls.calls


@pytest.mark.parametrize(
    ("metric", "sentence"),
    [
        (changes_input, r"it changes pain, which it is given, for ordinary episodes"),
        (not_finite, r"returns .*nan.* for episodes that are never judged in float64: it must be finite"),
        (no_number, r"returns array.* for ordinary episodes in float64: it must return a number"),
        (counts_calls, r"it returns another number for the same episodes"),
    ],
)
def test_wrong_metrics(fault, metric, sentence):
    """A metric with a fault is told which."""
    assert_told(fault("metric", metric), "metric", sentence)


@dataclass(kw_only=True)
class WithoutRule(schema.Cell):
    slope: float = 1.0


@dataclass(kw_only=True)
class LaxRule(schema.Cell):
    slope: Annotated[float, Rule("anything", lambda value: True)] = 1.0


@dataclass(kw_only=True)
class Slope(schema.Cell):
    slope: AboveZero = 1.0
    delay: ZeroOrMore = 1


@dataclass(kw_only=True)
class NoDefault(schema.Cell):
    slope: AboveZero = 1.0
    delay: ZeroOrMore


class Undecorated(schema.Cell):
    slope: AboveZero = 1.0


@dataclass(kw_only=True)
class NoBase:
    slope: AboveZero = 1.0


@dataclass(kw_only=True)
class Unreadable(schema.Cell):
    slope: "NotImported" = 1.0  # noqa: F821


@dataclass(kw_only=True)
class NoCell(schema.Output):
    pass


@pytest.mark.parametrize(
    ("knobs", "given", "sentence"),
    [
        (WithoutRule, {}, r"its knob slope has no rule"),
        (LaxRule, {}, r"the rule of its knob slope allows 'text'"),
        (NoDefault, {}, r"its dataclass NoDefault has no default for delay: it must have one for each knob"),
        (NoDefault, {"delay": 1}, r"its dataclass NoDefault has no default for delay"),
        (Undecorated, {}, r"its knobs Undecorated are no dataclass: put @dataclass\(kw_only=True\) above it"),
        (NoBase, {}, r"its knobs must be a subclass of flipflop.config.schema.Cell"),
        (Unreadable, {}, r"the types of its knobs Unreadable cannot be read: NameError"),
        (Slope(name="wrong"), {}, r"its knobs must be a subclass of flipflop.config.schema.Cell"),
        (Slope, {"delay": -1}, r"a small config of it is refused: controller.cell.delay=-1 is not allowed"),
        (Slope, {"delay": 1, "bias": 2}, r"it has no knob bias that can be given: it has name, slope, delay"),
        (NoCell, {}, r"its knobs must be a subclass of flipflop.config.schema.Cell"),
    ],
)
def test_wrong_knobs(fault, knobs, given, sentence):
    """Knobs without a rule, with one that allows anything, or without a value, are named."""
    assert_told(fault("cell", Plain, knobs, **given), "cell", sentence)


@dataclass(kw_only=True)
class RatesOfTheBase(schema.Optimiser):
    momentum: Probability = 0.5


class WithoutKnobs(Toggle):
    pass


def test_knobs_of_the_kind_need_defaults_too(fault):
    """A part from outside has no YAML: check_part refuses what the command line could not start, though it could."""
    told = fault("optimiser", Momentum, RatesOfTheBase)
    assert_told(told, "optimiser", r"RatesOfTheBase has no default for lr_controller, lr_world_model, clip_norm: it")
    told = fault("world", WithoutKnobs)
    assert_told(told, "world", r"it is registered without knobs, but every world has episode_length: register it with")


def test_own_parts_need_no_defaults():
    """Parts of flipflop have their defaults in conf/: check_part is as before for them."""
    with pytest.raises(PartFault, match=r"its knob scale has no default: give check_part a value, as in scale=\.\.\."):
        check_part("output", Gaussian)


@dataclass(kw_only=True)
class VaryingSlope(schema.Cell):
    slope: VaryingAboveZero = 1.0


class Steep(Plain):
    def __init__(self, knobs, R, T, B, hidden, dtype):
        self.slope = knobs.slope

    def forward(self, z, t, before, h):
        np.tanh(self.slope * z, out=h)

    def slopes(self, h):
        return (self.slope * (1 - h * h),)


def test_a_knob_of_a_cell_never_varies_within_a_block(fault):
    """A cell is made once for a block: runs of two values are in two blocks, whatever the knob's rule says."""
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        fault("cell", Steep, VaryingSlope)


def test_nothing_leaks():
    """The wrong parts of this module are known to its own tests alone."""
    assert {kind: [name for name in parts.names(kind) if name in ("wrong", "sound")] for kind in parts.KINDS} == {
        kind: [] for kind in parts.KINDS
    }


def test_knobs_of_a_class_inside_a_function(fault):
    """What cannot be pickled cannot be sent to workers."""

    @dataclass(kw_only=True)
    class Hidden(schema.Cell):
        slope: AboveZero = 1.0

    assert_told(fault("cell", Plain, Hidden), "cell", r"its knobs cannot be pickled, as workers need")


def test_what_is_not_registered():
    """A class without a decorator, of another kind, or of no kind, is told so."""
    with pytest.raises(PartFault, match=r"cell Plain: it is not registered: put @parts.cell\(\"a_name\"\) above it"):
        check_part("cell", Plain)
    with pytest.raises(PartFault, match=r"world GRU: it is not registered, but as cell gru"):
        check_part("world", GRU)
    with pytest.raises(PartFault, match=r"there is no kind net: it must be one of cell, output"):
        check_part("net", GRU)


GOOD = """
import numpy as np
from dataclasses import dataclass
from flipflop import parts
from flipflop.config import schema
from flipflop.config.rules import ClipNorm, VaryingAboveZero, VaryingBelowOne
from flipflop.core.learning.optimisers.base import Optimiser, column
from flipflop.testing import check_part

@dataclass(kw_only=True)
class Knobs(schema.Optimiser):
    lr_controller: VaryingAboveZero = 0.05
    lr_world_model: VaryingAboveZero = 0.05
    clip_norm: ClipNorm = 1.0
    decay: VaryingBelowOne = 0.9

@parts.optimiser("lion", Knobs)
class Lion(Optimiser):
    def __init__(self, theta, lr, knobs):
        super().__init__(theta, lr, knobs)
        self.decay, self.m = column([own.decay for own in knobs], theta), np.zeros_like(theta)
    def change(self, gradient, learns):
        self.m *= self.decay
        self.m += (1 - self.decay) * gradient
        return self.lr * self.m
    def state(self):
        return {"m": self.m}

check_part("optimiser", Lion)
check_part("optimiser", Lion, decay=0.5, clip_norm=None)
assert not {"hydra", "pytest", "omegaconf"} & set(__import__("sys").modules)
print("sound")
"""


def test_a_part_in_a_script(tmp_path):
    """In a script of its own one line checks a part, without pytest and without Hydra."""
    script = tmp_path / "lion.py"
    script.write_text(GOOD)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("sound\n", "")


def test_a_part_in_a_file_of_the_users(fault):
    """The cells above, without their faults, are sound."""
    parts.cell("sound")(Plain)
    check_part("cell", Plain)
    parts.optimiser("sound", MomentumKnobs)(Momentum)
    check_part("optimiser", Momentum, momentum=0.3)
