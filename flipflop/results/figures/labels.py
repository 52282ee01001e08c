"""Labels for event channels, inputs and gates: names from the parts of a run, or numbers if a part is missing."""

from collections.abc import Mapping, Sequence
from typing import Any

from flipflop import parts


def channels_of(settings: Mapping[str, Any], number: int) -> Sequence[str]:
    """Return the names of the event channels of a run's world, of which there are this many."""
    try:
        channels: Sequence[str] = parts.get("world", str(settings.get("env.name"))).make.channels
    except parts.PartError:
        channels = ()
    return channels if len(channels) == number else [f"event {i}" for i in range(number)]


def inputs_of(settings: Mapping[str, Any], net: str, number: int) -> list[str]:
    """Return the names of a net's inputs, of which there are this many: events, 1, pain and an action."""
    action = "last y" if net == "controller" else "y"
    return [*channels_of(settings, number - 3), "1", "pain", action]


def gates_of(settings: Mapping[str, Any], net: str, number: int) -> Sequence[str]:
    """Return the names of the gates of a net's cell, of which there are this many."""
    try:
        names: Sequence[str] = parts.get("cell", str(settings.get(f"{net}.cell.name"))).make.gate_names
    except parts.PartError:
        names = ()
    return names if len(names) == number else [f"gate {i}" for i in range(number)]


def lag_label(settings: Mapping[str, Any]) -> str:
    """Return the label of an axis of lags in a run's world."""
    try:
        since: str = parts.get("world", str(settings.get("env.name"))).make.lag_since
    except parts.PartError:
        since = "the event"
    return f"time steps since {since}"


def pain_label(settings: Mapping[str, Any]) -> str:
    """Return the label of an axis of C's pain; what it measures is known of the page's world alone."""
    return "pain of C\n(squared distance)" if settings.get("env.name") == "latch" else "pain of C"


def accuracy_label(settings: Mapping[str, Any]) -> str:
    """Return the label of an axis of C's accuracy, in which judged time steps count: in the page's world all."""
    judges_all = (settings.get("env.name"), settings.get("env.pain_at")) == ("latch", "every")
    return f"accuracy of C\n(part of {'time' if judges_all else 'judged'} steps)"
