"""The config of a record, for what needs the parts of its run again: to train it, to replay it."""

from flipflop import parts
from flipflop.config.combinations import validate
from flipflop.config.keys import config_from
from flipflop.config.rules import ConfigError
from flipflop.config.schema import Config
from flipflop.records.record import Record


def config_of(record: Record, with_metrics: bool = True) -> Config:
    """Return the config in a record, converted to the types of the schema.

    Args:
        record: of the run.
        with_metrics: whether its outside metrics must be here too; if not, the config is returned without metrics.

    Raises:
        ConfigError: a part that the run needs is not here or is of another text, or its config is not one of this
            version.
    """
    if unmet := unmet_needs(record, with_metrics):
        raise ConfigError(f"run {record.index} needs {unmet[0]}")
    try:
        config = config_from(record.config if with_metrics else {**record.config, "eval.metrics": []})
    except ConfigError as error:
        raise ConfigError(f"the record's config is not one of this flipflop: {error}") from error
    validate(config)
    return config


def unmet_needs(record: Record, with_metrics: bool) -> list[str]:
    """Return a text for each part that a run needs and that is not here as it was: `the cell gru of ..., which ...`."""
    needed = {place: (kind, str(record.config.get(f"{place}.name"))) for place, kind in parts.PLACES.items()}
    if with_metrics:
        needed |= {f"eval.metrics.{name}": ("metric", name) for name in record.config.get("eval.metrics", ())}
    texts: dict[str, None] = {}  # each once: both nets may have the same cell
    for place, (kind, name) in needed.items():
        then = record.origins.get(place, parts.OWN)
        if name in parts.names(kind):
            here = parts.get(kind, name).origin
            if here != then:
                texts[
                    f"the {kind} {name} of {then or 'flipflop'}, and the one here is of {here or 'flipflop'}: "
                    f"they must be the same"
                ] = None
        elif then != parts.OWN:
            how = "give its file by --plugins" if " sha256 " in then else "install it"
            texts[f"the {kind} {name} of {then}, which is not here: {how}"] = None
    return list(texts)
