"""Checks of parts of every kind: wrong values of knobs are refused, configs can be sent and stored."""

import math
import pickle
from collections.abc import Iterator
from dataclasses import fields
from types import NoneType
from typing import Any, get_args, get_type_hints

from flipflop.config.combinations import validate
from flipflop.config.keys import config_from, flat, with_settings
from flipflop.config.rules import ConfigError
from flipflop.config.schema import Config
from flipflop.testing.configs import config_of, is_sound, sound, stream_of
from flipflop.testing.subject import Check, Subject

PLACE = {"cell": "controller.cell", "output": "controller.output", "world": "env"}  # else as the kind is called


def check_refusals(subject: Subject) -> None:
    """Check that a value of a wrong type is refused by a sentence that names the knob."""
    config = _config(subject)
    if subject.knobs is None:
        return
    kinds = get_type_hints(type(subject.knobs), include_extras=True)
    place = PLACE.get(subject.part.kind, subject.part.kind)
    for each in fields(subject.knobs):
        key = f"{place}.{each.name}"
        for wrong in _wrong_values(kinds[each.name]) if each.name != "name" else ():
            try:
                validate(with_settings(config, {key: wrong}))
            except ConfigError as refusal:
                subject.require(key in str(refusal), f"the refusal of {key}={wrong!r} does not name it: {refusal}")
            else:
                raise subject.fault(f"the rule of its knob {each.name} allows {wrong!r}")


def check_stored(subject: Subject) -> None:
    """Check that a config with the part comes back from its settings and from a pickle as it was."""
    config = _config(subject)
    subject.require(
        config_from(flat(config)) == config, "a config with it is another when made anew from its own settings"
    )
    try:
        same = pickle.loads(pickle.dumps(config)) == config
    except Exception as error:
        raise subject.fault(f"its knobs cannot be pickled, as workers need: {error}") from error
    subject.require(same, "a config with it is another after pickling")


def _config(subject: Subject) -> Config:
    """Return a config with the part that can be run."""
    config, stream = config_of(subject), stream_of(subject)
    if is_sound(config) or not is_sound(stream):
        return sound(subject, config) if subject.part.kind != "method" else config
    return stream


def _wrong_values(kind: Any) -> Iterator[Any]:
    """Yield values that a knob of this type cannot have."""
    plain = get_args(kind)[0]
    options = set(get_args(plain)) or {plain}
    numbers = {int, float, bool} & options
    if numbers and str not in options:
        yield "text"
    if numbers:
        yield math.nan
    if str in options and not numbers:
        yield 5
    if NoneType not in options and (numbers or str in options):
        yield None


CHECKS: tuple[Check, ...] = (
    ("what its knobs refuse", check_refusals),
    ("how a config with it is stored", check_stored),
)
