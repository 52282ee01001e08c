"""The oracle: a slow, plain second implementation of the experiment, which the fast vectorised core is tested against.

Written from the specification alone, sharing no code with the core: one episode and one time step at a time, textbook
BPTT written out by hand, always float64. It is meant to be checked by reading it beside the equations.

Shapes: B episodes in an outer step, T steps in an episode, H hidden units. Both nets have six inputs:
    controller   x_t = (A, B, X, 1, pain_{t-1}, y_{t-1}), output y_t, the action
    world model  x_t = (A, B, X, 1, pain_{t-1}, y_t),     output the predicted pain of step t
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from flipflop.config.schema import Config

ACTION_INPUT = 5  # where x_t holds y_{t-1} (controller) or y_t (world model)
INITIAL_PAIN, INITIAL_ACTION = 0.0, 0.5  # pain_{-1}, y_{-1}


class Weights(NamedTuple):
    """A net's weights, or what has their shapes: a gradient, a moment of Adam."""

    input_weights: np.ndarray  # (H, 6)
    recurrent_weights: np.ndarray  # (H, H)
    bias: np.ndarray  # (H,)
    output_weights: np.ndarray  # (H,)
    output_bias: float


class Step(NamedTuple):
    """What a net's forward step leaves for the backward pass."""

    inputs: np.ndarray  # (6,) x_t
    previous_hidden: np.ndarray  # (H,) h_{t-1}
    hidden: np.ndarray  # (H,) h_t
    output: float


class Episode(NamedTuple):
    events: np.ndarray  # (T, 3) A, B, X; a row of zeros is no event
    desired: np.ndarray  # (T,) the latch after the event
    actions: np.ndarray  # (T,)
    pains: np.ndarray  # (T,)


class Rollout(NamedTuple):
    """An episode acted by the controller, with the world model run along it."""

    episode: Episode
    controller_steps: list[Step]  # T
    world_model_steps: list[Step]  # T


class Learner(NamedTuple):
    """A net and the state of its optimiser."""

    weights: Weights
    first_moment: Weights
    second_moment: Weights
    updates: int  # made so far


class OracleResult(NamedTuple):
    """A whole run. The histories, (steps,) each, are from before each outer step's updates."""

    pain: np.ndarray
    world_model_loss: np.ndarray  # 1/2 mean squared error
    accuracy: np.ndarray
    controller: Weights
    world_model: Weights


def random_streams(config: Config) -> list[np.random.Generator]:
    """The streams of the controller's weights, the world model's weights and the data."""
    return [np.random.default_rng(child) for child in np.random.SeedSequence(config.seed).spawn(3)]


def initial_weights(config: Config) -> tuple[Weights, Weights]:
    """The weights of the controller and of the world model before training."""
    nets = []
    for net, rng in zip((config.controller, config.world_model), random_streams(config)[:2], strict=True):
        input_weights = rng.standard_normal((net.hidden, 6)) * net.init_scale / np.sqrt(6)
        recurrent_weights = rng.standard_normal((net.hidden, net.hidden)) * net.init_scale / np.sqrt(net.hidden)
        output_weights = rng.standard_normal(net.hidden) * net.init_scale / np.sqrt(net.hidden)
        nets.append(Weights(input_weights, recurrent_weights, np.zeros(net.hidden), output_weights, 0.0))
    return nets[0], nets[1]


def draw_uniforms(config: Config, data_rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One outer step's uniforms, each (B, T): the world model's events and actions, then the controller's events."""
    batch, length = config.regime.episodes_per_step, config.env.episode_length
    uniforms = data_rng.random(3 * batch * length)
    world_model_part = uniforms[: 2 * batch * length].reshape(batch, 2, length)
    return world_model_part[:, 0], world_model_part[:, 1], uniforms[2 * batch * length :].reshape(batch, length)


def draw_events(config: Config, uniforms: np.ndarray) -> np.ndarray:
    """(T,) uniforms to (T, 3) events."""
    env = config.env
    events = np.zeros((len(uniforms), 3))
    for t, u in enumerate(uniforms):
        if u < env.p_a:
            events[t, 0] = 1.0
        elif u < env.p_a + env.p_b:
            events[t, 1] = 1.0
        elif u < env.p_a + env.p_b + env.p_x:
            events[t, 2] = 1.0
    return events


def desired_outputs(events: np.ndarray) -> np.ndarray:
    """(T, 3) events to the latch after each of them, (T,)."""
    latch, desired = 0.0, []
    for a, b, _ in events:
        if a:
            latch = 0.0
        elif b:
            latch = 1.0
        desired.append(latch)
    return np.array(desired)


def random_episode(events: np.ndarray, actions: np.ndarray) -> Episode:
    """What the world model learns from: (T, 3) events with (T,) random actions."""
    return Episode(events, desired_outputs(events), actions, (actions - desired_outputs(events)) ** 2)


def forward_step(weights: Weights, event: np.ndarray, pain: float, action: float, previous_hidden: np.ndarray) -> Step:
    """A net's step on the inputs (A, B, X, 1, pain, action)."""
    inputs = np.array([*event, 1.0, pain, action])
    hidden = np.tanh(weights.input_weights @ inputs + weights.recurrent_weights @ previous_hidden + weights.bias)
    logit = np.clip(weights.output_weights @ hidden + weights.output_bias, -50.0, 50.0)
    return Step(inputs, previous_hidden, hidden, float(1.0 / (1.0 + np.exp(-logit))))


def run_world_model(weights: Weights, episode: Episode) -> list[Step]:
    """The world model's T steps along an episode."""
    hidden, previous_pain, steps = np.zeros_like(weights.bias), INITIAL_PAIN, []
    for event, action, pain in zip(episode.events, episode.actions, episode.pains, strict=True):
        steps.append(forward_step(weights, event, previous_pain, action, hidden))
        hidden, previous_pain = steps[-1].hidden, pain
    return steps


def run_controller(weights: Weights, events: np.ndarray) -> tuple[Episode, list[Step]]:
    """The episode that the controller makes of (T, 3) events, and its T steps."""
    hidden, pain, action, steps, pains = np.zeros_like(weights.bias), INITIAL_PAIN, INITIAL_ACTION, [], []
    desired = desired_outputs(events)
    for t, event in enumerate(events):
        steps.append(forward_step(weights, event, pain, action, hidden))
        hidden, action = steps[-1].hidden, steps[-1].output
        pain = (action - desired[t]) ** 2
        pains.append(pain)
    return Episode(events, desired, np.array([step.output for step in steps]), np.array(pains)), steps


def roll_out(controller: Weights, world_model: Weights, events: np.ndarray) -> Rollout:
    """The controller acts on (T, 3) events, the world model follows."""
    episode, controller_steps = run_controller(controller, events)
    return Rollout(episode, controller_steps, run_world_model(world_model, episode))


def accuracy_of(episode: Episode) -> float:
    return float(np.mean((episode.actions > 0.5) == (episode.desired == 1.0)))


def backward_step(
    weights: Weights, step: Step, output_gradient: float, hidden_gradient: np.ndarray
) -> tuple[Weights, np.ndarray, np.ndarray]:
    """BPTT's step t, given dL/dout_t and the part of dL/dh_t (H,) that comes from step t+1.

    Returns the share of dL/dweights that arises here, dL/dx_t (6,) and dL/dh_{t-1} (H,).
    """
    logit_gradient = output_gradient * step.output * (1.0 - step.output)
    z_gradient = (weights.output_weights * logit_gradient + hidden_gradient) * (1.0 - step.hidden**2)  # (H,)
    input_weights, recurrent_weights = np.outer(z_gradient, step.inputs), np.outer(z_gradient, step.previous_hidden)
    share = Weights(input_weights, recurrent_weights, z_gradient, logit_gradient * step.hidden, logit_gradient)
    return share, weights.input_weights.T @ z_gradient, weights.recurrent_weights.T @ z_gradient


def average(shares: list[Weights], episodes: int) -> Weights:
    """The shares of all steps of all episodes, summed over steps and averaged over episodes."""
    return Weights(*(sum(arrays) / episodes for arrays in zip(*shares, strict=True)))


def world_model_loss(weights: Weights, episodes: list[Episode]) -> float:
    """What the world model descends: sum over t of 1/2 (predicted - observed pain)^2, averaged over the episodes."""
    predictions = [[step.output for step in run_world_model(weights, episode)] for episode in episodes]
    errors = np.array(predictions) - np.array([episode.pains for episode in episodes])  # (B, T)
    return float(np.sum(0.5 * errors**2) / len(episodes))


def world_model_loss_and_gradient(weights: Weights, episodes: list[Episode]) -> tuple[float, Weights]:
    """world_model_loss and its gradient, by full BPTT."""
    shares = []
    for episode in episodes:
        steps, hidden_gradient = run_world_model(weights, episode), np.zeros_like(weights.bias)
        for step, pain in zip(reversed(steps), reversed(episode.pains), strict=True):
            share, _, hidden_gradient = backward_step(weights, step, step.output - pain, hidden_gradient)
            shares.append(share)
    return world_model_loss(weights, episodes), average(shares, len(episodes))


def predicted_pain_sum(controller: Weights, world_model: Weights, rollouts: list[Rollout], credit: str) -> float:
    """What the controller descends, forward only: sum over t of the predicted pain, averaged over the episodes.

    As a function of the controller's weights, at those that made the rollouts, its gradient is the controller's. The
    rollouts supply what is constant: the events; the observed pain, as an input of either net; and with "one_step"
    credit the h_{t-1} from which the world model takes each step, so that y_t acts on the prediction of step t alone.
    """
    total = 0.0
    for rollout in rollouts:
        hidden, world_model_hidden = np.zeros_like(controller.bias), np.zeros_like(world_model.bias)
        pain, action = INITIAL_PAIN, INITIAL_ACTION
        for t, event in enumerate(rollout.episode.events):
            _, _, hidden, action = forward_step(controller, event, pain, action, hidden)
            if credit == "one_step":
                world_model_hidden = rollout.world_model_steps[t].previous_hidden
            _, _, world_model_hidden, prediction = forward_step(world_model, event, pain, action, world_model_hidden)
            pain = rollout.episode.pains[t]
            total += prediction
    return total / len(rollouts)


def controller_pain_and_gradient(
    controller: Weights, world_model: Weights, rollouts: list[Rollout], credit: str
) -> tuple[float, Weights]:
    """Mean observed pain, and the gradient of predicted_pain_sum with respect to the controller's weights, by BPTT."""
    shares = []
    for _, controller_steps, world_model_steps in rollouts:
        hidden_gradient, world_model_hidden_gradient = np.zeros_like(controller.bias), np.zeros_like(world_model.bias)
        feedback = 0.0  # into y_t from step t+1, of which it is an input
        for step, model_step in zip(reversed(controller_steps), reversed(world_model_steps), strict=True):
            _, x_gradient, world_model_hidden_gradient = backward_step(
                world_model, model_step, 1.0, world_model_hidden_gradient
            )
            if credit == "one_step":  # d pred_t / d y_t at the same t alone: nothing goes on to step t-1
                world_model_hidden_gradient = np.zeros_like(world_model.bias)
            action_gradient = x_gradient[ACTION_INPUT] + feedback
            share, x_gradient, hidden_gradient = backward_step(controller, step, action_gradient, hidden_gradient)
            feedback = x_gradient[ACTION_INPUT]
            shares.append(share)
    return float(np.mean([rollout.episode.pains for rollout in rollouts])), average(shares, len(rollouts))


def new_learner(weights: Weights) -> Learner:
    zeros = Weights(*(0.0 * array for array in weights))
    return Learner(weights, zeros, zeros, updates=0)


def descend(config: Config, learner: Learner, gradient: Weights, learning_rate: float) -> Learner:
    """One update of a net: clip the gradient's global L2 norm, then SGD or Adam (Kingma and Ba 2015, algorithm 1)."""
    optimiser, n = config.optimiser, learner.updates + 1
    norm = np.sqrt(sum(np.sum(np.square(array)) for array in gradient))
    if optimiser.clip_norm is not None and norm > optimiser.clip_norm:
        gradient = Weights(*(array * (optimiser.clip_norm / (norm + 1e-12)) for array in gradient))
    updated = []
    for theta, m, v, g in zip(*learner[:3], gradient, strict=True):
        if optimiser.name == "sgd":
            updated.append((theta - learning_rate * g, m, v))
        else:
            m = optimiser.beta1 * m + (1 - optimiser.beta1) * g
            v = optimiser.beta2 * v + (1 - optimiser.beta2) * g**2
            m_hat, v_hat = m / (1 - optimiser.beta1**n), v / (1 - optimiser.beta2**n)
            updated.append((theta - learning_rate * m_hat / (np.sqrt(v_hat) + optimiser.eps), m, v))
    weights, first_moment, second_moment = (Weights(*arrays) for arrays in zip(*updated, strict=True))
    return Learner(weights, first_moment, second_moment, n)


def outer_step(
    config: Config, k: int, data_rng: np.random.Generator, controller: Learner, world_model: Learner
) -> tuple[Learner, Learner, tuple[float, float, float]]:
    """Outer step k: the controller and the world model after it, and its (pain, world model loss, accuracy)."""
    event_uniforms, random_actions, controller_event_uniforms = draw_uniforms(config, data_rng)
    episodes = [
        random_episode(draw_events(config, uniforms), actions)
        for uniforms, actions in zip(event_uniforms, random_actions, strict=True)
    ]
    loss, gradient = world_model_loss_and_gradient(world_model.weights, episodes)
    world_model = descend(config, world_model, gradient, config.optimiser.lr_world_model)

    frozen = world_model.weights
    rollouts = [roll_out(controller.weights, frozen, draw_events(config, u)) for u in controller_event_uniforms]
    pain, gradient = controller_pain_and_gradient(controller.weights, frozen, rollouts, config.method.credit)
    accuracy = float(np.mean([accuracy_of(rollout.episode) for rollout in rollouts]))
    if k >= config.method.warmup_steps:
        controller = descend(config, controller, gradient, config.optimiser.lr_controller)
    return controller, world_model, (pain, loss / config.env.episode_length, accuracy)


def train(config: Config) -> OracleResult:
    """A whole run."""
    controller, world_model = (new_learner(weights) for weights in initial_weights(config))
    data_rng = random_streams(config)[2]
    history = []
    for k in range(config.regime.steps):
        controller, world_model, record = outer_step(config, k, data_rng, controller, world_model)
        history.append(record)
    pain, loss, accuracy = np.array(history).T
    return OracleResult(pain, loss, accuracy, controller.weights, world_model.weights)


def evaluate(config: Config, controller: Weights) -> tuple[np.ndarray, float]:
    """The accuracy of each evaluation episode, (episodes,), and the mean pain over all steps of all of them."""
    rng, episodes = np.random.default_rng(config.eval.seed), []
    for _ in range(config.eval.episodes):
        events = draw_events(config, rng.random(config.eval.episode_length))
        episodes.append(run_controller(controller, events)[0])
    return np.array([accuracy_of(e) for e in episodes]), float(np.mean([e.pains for e in episodes]))
