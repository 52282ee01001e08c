"""What Hydra and OmegaConf have to say, as one sentence that names key, value and what is allowed."""

import re
from collections.abc import Iterator
from difflib import get_close_matches

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError

from flipflop.config.keys import RULES
from flipflop.config.rules import ConfigError, refuse

# How Hydra quotes the override it could not apply.
_OVERRIDE = re.compile(r"To append to your config use \+(.+)|Error merging override (.+)")


# How Hydra quotes an axis of what is not a sweep.
_SEVERAL = re.compile(r"(?:Ambiguous value for argument|Sweep parameters) '([^\s']{1,40})")


# What comes with an extra of flipflop, if it was installed.
_EXTRAS = {
    "hydra/sweeper/optuna": "optuna",
    "hydra/launcher/joblib": "joblib-launcher",
    "hydra/launcher/submitit_local": "slurm",
    "hydra/launcher/submitit_slurm": "slurm",
}


HYDRA_ERRORS = (HydraException, OmegaConfBaseException, YAMLError)
WRONG_INPUT = (ConfigError, *HYDRA_ERRORS)


def explain(error: BaseException) -> str:
    """One sentence for an error that wrong input caused."""
    chain = list(_chain(error))
    override = next((match[1] or match[2] for e in chain if (match := _OVERRIDE.search(str(e)))), None)
    for cause in chain:
        if isinstance(cause, ConfigError):
            return str(cause)
        if isinstance(cause, OverrideParseException):
            return f"{cause.override} is not allowed: it cannot be read as key=value ({cause.message.splitlines()[0]})"
        if isinstance(cause, MissingConfigException):
            return _missing(cause)
        key = re.sub(r"\[\d+\]$", "", getattr(cause, "full_key", None) or "")  # an item of a list is told by its list
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
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _words(key: str) -> str:
    return RULES[key].words if key in RULES else "given"


def _missing(error: MissingConfigException) -> str:
    group, _, choice = (error.missing_cfg_file or "").rpartition("/")
    if extra := _EXTRAS.get(error.missing_cfg_file or ""):
        return f"{group}={choice} is not installed: install flipflop with its extra, flipflop[{extra}]"
    if group and error.options:
        return f"{group}={choice} is not allowed: {group} must be one of {', '.join(sorted(error.options))}"
    if error.missing_cfg_file:
        return f"there is no config named {error.missing_cfg_file}: -cn takes the name of a file in sweeps/ or of -cd"
    return " ".join(str(error).split())


def _unknown(key: str, override: str | None) -> str:
    close = get_close_matches(key, RULES, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else "it must be one of those that --cfg job lists"
    return f"{override or key} is not allowed: there is no key {key}, {hint}"


def _wrong_type(key: str, override: str | None, error: OmegaConfBaseException) -> str:
    given, _, value = (override or "").partition("=")
    if key in RULES and given == key:
        return str(refuse(key, value, RULES[key].words))
    if given.startswith(f"{key}."):
        return _unknown(given, override)
    return f"{override or key} is not allowed: {str(error).splitlines()[0]}"
