"""The page's parts on provenance, from sweep.yaml: which commands made the sweep, when, and on which machine."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from flipflop.results.load import Sweep
from flipflop.results.page.data import differing_settings, setting_text
from flipflop.results.page.html import escaped


def read_invocations(sweep: Sweep) -> tuple[list[dict[str, Any]], str | None]:
    """Read the invocations that made a sweep from its sweep.yaml, with all values as text.

    Without such a file, the files in the folders of the jobs are read, where Hydra's own launchers leave one each.

    Returns:
        The invocations, and None or, if there are none, the reason as a sentence.
    """
    shared = sweep.folder / "sweep.yaml"
    paths = [shared] if shared.is_file() else [home / "sweep.yaml" for home in dict.fromkeys(sweep.homes.values())]
    entries: list[dict[str, Any]] = []
    for path in paths:
        try:
            # The base loader reads every value as text, so that tags in a foreign file construct no objects.
            found = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
        except FileNotFoundError:
            return [], f"{path} is missing: what was run, when and where is not known"
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
            found = None
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            return [], f"{path} is no list of invocations: what was run, when and where is not known"
        entries += found
    return entries if shared.is_file() else _merged(entries), None


def _merged(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Merge the jobs of one command into one invocation, from the first job's start to the last job's end."""
    merged: dict[str, dict[str, Any]] = {}
    for entry in entries:
        facts = "\n".join(fact for _, fact in _facts(entry)[:-2])  # all but start and end
        first = merged.setdefault(facts, dict(entry))
        first["ended"] = entry.get("ended")
    return list(merged.values())


def _plain(value: object) -> str:
    """Return a value of sweep.yaml to be shown, if it is text.

    Anything else is `not readable`: in a foreign file, nested values with aliases can expand without bound.
    """
    return "not known" if value in ("null", "", None) else value if isinstance(value, str) else "not readable"


def _facts(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return an invocation's facts as (name, text): command, versions, revision, machine, start and, last, end."""

    def part(name: str) -> Mapping[str, Any]:
        """Return a nested mapping of the invocation, or an empty one if it is something else."""
        found = entry.get(name)
        return found if isinstance(found, dict) else {}

    versions = ", ".join(f"{name} {_plain(value)}" for name, value in part("versions").items())
    git, machine = part("git"), part("machine")
    changed = {"true": ", with changes that are in no commit", "false": ""}.get(_plain(git.get("dirty")), "")
    return [
        ("command", _plain(entry.get("command"))),
        ("versions", versions or "not known"),
        ("git revision", _plain(git.get("revision")) + changed if git else "not known, or installed without one"),
        ("machine", ", ".join(f"{name} {_plain(value)}" for name, value in machine.items()) or "not known"),
        ("started", _plain(entry.get("started"))),
        (
            "ended",
            "not noted: it runs still, or was killed" if entry.get("ended") == "null" else _plain(entry.get("ended")),
        ),
    ]


def command_section(sweep: Sweep, invocations: Sequence[dict[str, Any]]) -> str:
    """Return the part on commands as HTML: those that made the sweep, and one that repeats a run."""
    commands = list(dict.fromkeys(_plain(entry.get("command")) for entry in invocations))
    first = sweep.records[0]
    rerun = f"python -m flipflop.rerun {shlex.quote(str(sweep.folder))} {first.index}"
    if first.config["plugins"]:
        rerun += f" --plugins {' '.join(map(shlex.quote, first.config['plugins']))}"
    if commands:
        run = (
            "<p>What was run, and what runs it again; with a <code>name=</code> it trains only what is missing:</p>"
            f"<pre>{escaped(chr(10).join(commands))}</pre>"
        )
    else:
        run = "<p>Its sweep.yaml is missing or not readable, so the command that ran it is not known.</p>"
    return (
        f"{run}<p>One run again, run {first.index} for example, from its record alone, and whether it comes "
        f"out the same to the bit:</p>"
        f"<pre>{escaped(rerun)}</pre>"
    )


def provenance_section(sweep: Sweep, invocations: Sequence[dict[str, Any]], problem: str | None) -> str:
    """Return the section on provenance as HTML: the invocations, the results version and the settings of all runs.

    Args:
        sweep: the runs.
        invocations: of the sweep, from `read_invocations`.
        problem: why there are none, from `read_invocations`.
    """
    parts = [f"<p>{escaped(problem)}.</p>"] if problem else []
    for number, entry in enumerate(invocations, 1):
        pairs = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>" for name, value in _facts(entry))
        parts.append(f"<h3>Invocation {number}</h3><dl>{pairs}</dl>")
    versions = ", ".join(str(version) for version in sorted({record.version for record in sweep.records}))
    parts.append(f"<p>Version of the results: {escaped(versions)}.</p>")
    origins = {f"{place} {origin}": None for record in sweep.records for place, origin in record.origins.items()}
    parts += [f"<p>Parts from outside: {escaped(', '.join(origins))}.</p>"] if origins else []
    differing = differing_settings(sweep.records)
    shared = {key: value for key, value in sweep.records[0].config.items() if key not in differing}
    pairs = "".join(f"<dt>{escaped(key)}</dt><dd>{escaped(setting_text(value))}</dd>" for key, value in shared.items())
    parts.append(f"<details><summary>Settings that all runs share</summary><dl>{pairs}</dl></details>")
    return "".join(parts)
