"""Errors of Hydra and OmegaConf, explained in one sentence that names the key, the value and what is allowed."""

import re
from collections.abc import Iterator
from contextlib import suppress
from difflib import get_close_matches

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError

from flipflop import parts
from flipflop.config.keys import COMMON_RULES, base_knobs, knobs
from flipflop.config.rules import ConfigError, Rule, refuse
from flipflop.config.schema import in_test

# The messages of Hydra that quote the override that it could not apply.
_OVERRIDE = re.compile(r"To append to your config use \+(.+)|Error merging override (.+)")

# The messages of Hydra about a key with several values where there is no sweep.
_SEVERAL = re.compile(r"(?:Ambiguous value for argument|Sweep parameters) '([^\s']{1,40})")

# Files of Hydra's config groups that come with an extra of flipflop, and the extra.
_EXTRAS = {
    "hydra/sweeper/optuna": "optuna",
    "hydra/launcher/joblib": "joblib-launcher",
    "hydra/launcher/submitit_local": "slurm",
    "hydra/launcher/submitit_slurm": "slurm",
}

# Keys that one may try by mistake, and the right ones.
_MOVED = {"controller.output_scale": "controller.output.scale", "eval.stop_after": "method.stop_after"}

HYDRA_ERRORS = (HydraException, OmegaConfBaseException, YAMLError)
WRONG_INPUT = (ConfigError, parts.PartError, *HYDRA_ERRORS)


def explain(error: BaseException) -> str:
    """Return one sentence that explains an error caused by wrong input (WRONG_INPUT)."""
    chain = list(_chain(error))
    override = next((match[1] or match[2] for e in chain if (match := _OVERRIDE.search(str(e)))), None)
    for cause in chain:
        if isinstance(cause, ConfigError | parts.PartError):
            return str(cause)
        if isinstance(cause, OverrideParseException):
            return f"{cause.override} is not allowed: it cannot be read as key=value ({cause.message.splitlines()[0]})"
        if isinstance(cause, MissingConfigException):
            return _missing(cause)
        key = re.sub(r"\[\d+\]$", "", getattr(cause, "full_key", None) or "")  # without the index of an item of a list
        if isinstance(cause, MissingMandatoryValue) and key:
            return f"{key} has no value: it must be {_words(key)}"
        if isinstance(cause, (ConfigAttributeError, ConfigKeyError)) and key:
            return _unknown(key, override)
        if isinstance(cause, OmegaConfBaseException) and key:
            return _wrong_type(key, override, cause)
    if (several := _SEVERAL.match(str(error))) is not None:
        return f"{several[1]} has several values: it must be swept, with -m (--multirun)"
    return " ".join(str(error).split())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that caused it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _rules() -> dict[str, Rule]:
    """Return the rules of all knobs that a config can have, by dotted key, including those of all parts."""
    known = dict(COMMON_RULES)
    for place, part in _parts():
        known |= dict(knobs(part.knobs or base_knobs(part.kind), f"{place}."))
        if part.kind == "world":
            known |= dict(knobs(in_test(part.knobs or base_knobs("world")), f"eval.{place}."))
    return known


def _parts() -> Iterator[tuple[str, parts.Part]]:
    """Yield every known part with every place at which a config can have it."""
    for place, kind in parts.PLACES.items():
        for name in parts.names(kind):
            with suppress(parts.PartError):
                yield place, parts.get(kind, name)


def _with_knob(key: str) -> list[str]:
    """Return the parts that have a knob of this dotted key, as `optimiser=adam` or `the world latch`."""
    having = []
    for place, part in _parts():
        named = f"the world {part.name}" if part.kind == "world" else f"{place.replace('.', '/')}={part.name}"
        if key.removeprefix("eval.") in dict(knobs(part.knobs or base_knobs(part.kind), f"{place}.")):
            having.append(named)
    return having


def _words(key: str) -> str:
    known = _rules()
    return known[key].words if key in known else "given"


def _missing(error: MissingConfigException) -> str:
    group, _, choice = (error.missing_cfg_file or "").rpartition("/")
    if extra := _EXTRAS.get(error.missing_cfg_file or ""):
        return f"{group}={choice} is not installed: install flipflop with its extra, flipflop[{extra}]"
    if group and error.options and (sentence := _broken(group.replace("/", "."), choice)):
        return f"{group}={choice} is not allowed: {sentence}"
    if group and error.options:
        hint = (
            f"; did you mean {group}/cell={choice}?"
            if f"{group}.cell" in parts.PLACES and choice in parts.names("cell")
            else ""
        )
        return f"{group}={choice} is not allowed: {group} must be one of {', '.join(sorted(error.options))}{hint}"
    if error.missing_cfg_file:
        return f"there is no config named {error.missing_cfg_file}: -cn takes the name of a file in sweeps/ or of -cd"
    return " ".join(str(error).split())


def _broken(place: str, name: str) -> str | None:
    """Return why a part of this name cannot be imported; None if it can, or if there is none of this name."""
    kind = parts.PLACES.get(place)
    if kind is None or name not in parts.names(kind):
        return None
    try:
        parts.get(kind, name)
    except parts.PartError as error:
        return str(error)
    return None


def _unknown(key: str, override: str | None) -> str:
    if having := _with_knob(key):
        where = ", and the test is in the world that env chooses" if key.startswith("eval.env.") else ""
        return f"{override or key} is not allowed: {key} is a knob of {' and '.join(having)} alone{where}"
    text = override or key
    if key in _MOVED:
        return f"{text} is not allowed: there is no key {key}, did you mean {_MOVED[key]}?"
    last = key.rpartition(".")[2]
    known = _rules()
    close = [k for k in known if k.rpartition(".")[2] == last and k.startswith(key.partition(".")[0] + ".")]
    close = close or get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else "it must be one of those that --cfg job lists"
    return f"{text} is not allowed: there is no key {key}, {hint}"


def _wrong_type(key: str, override: str | None, error: OmegaConfBaseException) -> str:
    given, _, value = (override or "").partition("=")
    known = _rules()
    if key in known and given == key:
        return str(refuse(key, value, known[key].words))
    if given.startswith(f"{key}."):
        return _unknown(given, override)
    return f"{override or key} is not allowed: {str(error).splitlines()[0]}"
