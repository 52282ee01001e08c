"""The page of a sweep: complete, escaped, small, and written whatever the status of the runs."""

import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from baseline import RTRL, baseline

from flipflop.core.train import train
from flipflop.records.folder import Folder
from flipflop.records.planned import PlannedRun, run_key
from flipflop.records.record import Outcome
from flipflop.results.load import load
from flipflop.results.page.cards import choices
from flipflop.results.page.page import page_of, write_page
from flipflop.results.page.svg import apart

TINY = {"regime.steps": 4, "method.warmup_steps": 1, "eval.episodes": 2, "eval.episode_length": 5}
EXPLODING = {"optimiser.lr_world_model": 1e9, "optimiser.lr_controller": 1e9, "eval.every": 2}
HOSTILE = "</script><script>boom()</script><img src=x onerror=boom()>\"'${boom()}&lt;\u2028"
FIGURE = """<?xml version="1.0"?><!DOCTYPE svg>
<!-- made by hand -->
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="60pt" viewBox="0 0 60 30">
 <metadata>who</metadata>
 <defs><style type="text/css">*{stroke-linejoin: round}</style>
 <clipPath id="clip"><path d="M 0.123456 0"/></clipPath></defs>
 <path id="m1" d="M 1.000001 2.129999 L -3.5 4"/>
 <use xlink:href="#m1" clip-path="url(#clip)" transform="scale(0.015625)"/>
 <text>id="m1" &lt;b&gt;</text>
</svg>"""


def figures(_record=None):
    return {"pain_curve": FIGURE}


def leave(path, changes, *, errors=None, crashed=False, label=None, overrides=None):
    """Write a folder of runs with these changes to a tiny config: trained, or failed with errors."""
    configs = [baseline(TINY | change) for change in changes]
    runs = [
        PlannedRun(run_key(config), label, tuple(overrides or (f"seed={config.seed}",)), config) for config in configs
    ]
    results = train(configs) if errors is None else [None] * len(runs)
    with Folder(path) as folder:
        folder.plan(runs)
        outcomes = zip(runs, results, errors or [None] * len(runs), strict=True)
        folder.add([Outcome(run, result, error, crashed) for run, result, error in outcomes], 1.0)


def seeds(number, **settings):
    return [settings | {"seed": seed} for seed in range(number)]


class Reader(HTMLParser):
    """Parses a page: its elements with attributes, the text of its scripts, and all other text."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.scripts, self.text = [], [], ""
        self._inside = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        else:
            self.text += data

    def named(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def read(path):
    """Return the parsed page of a folder, and the data of its script."""
    reader = Reader(page_of(load(path), figures(), figures))
    return reader, json.loads(reader.scripts[0])


def test_a_sweep(tmp_path):
    """The page has every section, one h1, a row for each run, and metrics and curves for its script."""
    leave(tmp_path, seeds(3))
    write_page(load(tmp_path), tmp_path / "report.html", figures(), figures)
    reader = Reader((tmp_path / "report.html").read_text(encoding="utf-8"))
    data = json.loads(reader.scripts[0])
    assert len(reader.named("h1")) == 1
    assert reader.named("html") == [{"lang": "en"}]
    assert {"header", "nav", "main", "footer"} <= {tag for tag, _ in reader.elements}
    assert len(reader.named("button")) == 3
    assert data["runs"]["2"]["curve"] == {
        "every": 1,
        "kept": 4,
        "pain": pytest.approx(load(tmp_path).arrays(load(tmp_path).run(2))["pain"], rel=5e-3),
    }
    assert dict(zip(data["settings"], data["runs"]["2"]["settings"], strict=True)) == {"seed": "2"}
    assert data["command"] == f"python -m flipflop.report {tmp_path} --run"
    assert f"python -m flipflop.rerun {tmp_path} 0" in reader.text
    assert "Boschloo" in reader.text
    labelled = {attributes["for"] for attributes in reader.named("label")}
    assert {attributes["id"] for attributes in reader.named("input") + reader.named("select")} <= labelled


def test_nothing_is_loaded(tmp_path):
    """The page refers to nothing outside itself, and its policy allows only its own script."""
    leave(tmp_path, seeds(2))
    page = page_of(load(tmp_path), figures(), figures)
    reader = Reader(page)
    loaded = [value for _, attributes in reader.elements for key, value in attributes.items() if key in ("src", "href")]
    assert all(value.startswith("#") for value in loaded)
    assert not {"link", "img", "iframe", "base"} & {tag for tag, _ in reader.elements}
    assert set(re.findall(r"https?://[^\s\"'`]+", page)) == {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    (policy,) = [meta["content"] for meta in reader.named("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")


def test_text_stays_text(tmp_path):
    """No text from labels, overrides, settings, errors, figures or sweep.yaml becomes an element or a script."""
    leave(tmp_path, seeds(2), label=HOSTILE, overrides=["seed=0", f"name={HOSTILE}"])
    leave(tmp_path, [{"seed": 7, "name": HOSTILE}], errors=[f"Traceback\n{HOSTILE}"], label=f"other{HOSTILE}")
    (tmp_path / "sweep.yaml").write_text(
        json.dumps([{"command": HOSTILE, "versions": {HOSTILE: HOSTILE}, "git": {"revision": HOSTILE}}])
    )
    sweep = load(tmp_path)
    reader = Reader(page_of(sweep, {HOSTILE: FIGURE}, figures))
    assert len(reader.scripts) == 2
    assert not reader.named("img")
    assert not [key for _, attributes in reader.elements for key in attributes if key.startswith("on")]
    assert "<" not in reader.scripts[0]
    assert "\u2028" not in reader.scripts[0]
    assert json.loads(reader.scripts[0])["runs"]["2"]["error"] == HOSTILE.splitlines()[-1]
    assert reader.text.count(HOSTILE) >= 6


def test_half_a_character(tmp_path):
    """Text that cannot be encoded does not prevent writing the page."""
    leave(tmp_path, [{"seed": 1}], errors=["\ud800"])
    write_page(load(tmp_path), tmp_path / "report.html", {}, figures)
    assert (tmp_path / "report.html").read_text(encoding="utf-8")


def test_which_runs_are_shown(tmp_path):
    """Cards show runs that went wrong first, then each group's best, median and worst by mean pain."""
    leave(tmp_path, seeds(5) + seeds(1, **{"env.p_a": 0.2}) + seeds(2, **{"env.p_a": 0.3}))
    leave(tmp_path, [{"seed": 9}], errors=["no"])
    sweep = load(tmp_path)
    ranked = sorted(sweep.records[:5], key=lambda record: record.metrics["mean_pain"])
    pair = sorted(sweep.records[6:8], key=lambda record: record.metrics["mean_pain"])
    assert [(choice.record.index, choice.why) for choice in choices(sweep)] == [
        (8, "failed"),
        (ranked[0].index, "best"),
        (ranked[2].index, "median"),
        (ranked[4].index, "worst"),
        (5, "only one"),
        (pair[0].index, "best"),
        (pair[1].index, "worst"),
    ]


def test_at_most_twelve_runs_are_shown(tmp_path):
    """Of many groups all bests are selected before medians; failed runs get at most half of the places."""
    leave(
        tmp_path,
        [{"seed": seed, "env.p_a": p_a} for p_a in (0.1, 0.2, 0.3, 0.4, 0.5, 0.05, 0.07) for seed in (0, 1, 2)],
    )
    sweep = load(tmp_path)
    assert [choice.why for choice in choices(sweep)] == ["best", "median"] * 5 + ["best"] * 2
    leave(tmp_path, [{"seed": seed} for seed in range(10, 30)], errors=["no"] * 20)
    assert [choice.why for choice in choices(load(tmp_path))] == ["failed"] * 6 + ["best"] * 6
    asked = []
    page_of(load(tmp_path), {}, lambda record: asked.append(record.index) or {})
    assert len(asked) == 6


def test_all_runs_failed(tmp_path):
    """A sweep in which all runs failed has a page that shows each error once, with its runs."""
    leave(tmp_path, seeds(20), errors=["Traceback\nValueError: no"] * 20)
    leave(tmp_path, [{"seed": 30}], errors=["its process died: signal 9"], crashed=True)
    reader, data = read(tmp_path)
    assert len(choices(load(tmp_path))) == 12
    assert (
        "20 runs: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 failed: ValueError: no"
        in reader.text
    )
    assert "Run 20 crashed: its process died: signal 9" in reader.text
    assert not any("curve" in run or "metrics" in run for run in data["runs"].values())


def test_a_very_long_error(tmp_path):
    """Of a very long traceback the beginning and the end are shown."""
    leave(tmp_path, [{"seed": 1}], errors=["first\n" + "x" * 1_000_000 + "\nlast"])
    page = page_of(load(tmp_path), {}, figures)
    assert "first" in page
    assert "996,011 characters left out" in page
    assert len(page) < 60_000


def test_diverged_runs(tmp_path):
    """A diverged run has its error and a curve with gaps where pain is not finite."""
    leave(tmp_path, [EXPLODING | {"seed": 1, "optimiser.clip_norm": 1e9}])
    sweep = load(tmp_path)
    assert sweep.records[0].status == "diverged"
    reader, data = read(tmp_path)
    assert "Run 0 diverged: diverged by outer step" in reader.text
    assert data["runs"]["0"]["status"] == "diverged"


def test_runs_without_history(tmp_path):
    """Without a history there is no curve; the data say which steps were kept."""
    leave(tmp_path, [{"seed": 1, "history.every": 0}])
    leave(tmp_path, [{"seed": 2, "history.every": 2}])
    _, data = read(tmp_path)
    assert "curve" not in data["runs"]["0"]
    assert (data["runs"]["1"]["curve"]["every"], data["runs"]["1"]["curve"]["kept"]) == (2, 2)


def test_damaged_arrays(tmp_path):
    """A damaged block is named; its runs have no curves, and their cards say why there are no figures."""
    leave(tmp_path, [{"seed": 1}])
    leave(tmp_path, [{"seed": 2}])
    sweep = load(tmp_path)
    (tmp_path / "blocks" / f"{sweep.records[0].block}.npz").write_bytes(b"")

    def plot(record):
        sweep.arrays(record)
        return {}

    reader = Reader(page_of(sweep, {}, plot))
    data = json.loads(reader.scripts[0])
    assert ["curve" in run for run in data["runs"].values()] == [False, True]
    assert "Its figures cannot be drawn" in reader.text
    assert reader.text.count("its checksum is different") == 2


def test_a_series_reads_each_block_once(tmp_path, monkeypatch):
    """Reading the pain of all runs reads each block once, and gives each run's values."""
    leave(tmp_path, seeds(3))
    sweep = load(tmp_path)
    expected = {record.index: sweep.arrays(record)["pain"] for record in sweep.records}
    readings = []
    loaded = np.load
    monkeypatch.setattr(np, "load", lambda *args, **kwargs: readings.append(args) or loaded(*args, **kwargs))
    found = sweep.series("pain")
    assert len(readings) == 1
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[index], expected[index]) for index in expected)


@pytest.mark.parametrize(
    "content", [None, "", "just text", "[1, 2]", "- {a: [", "!!python/object:os.system {}", "[" * 5000]
)
def test_no_sweep_yaml(tmp_path, content):
    """Without a readable sweep.yaml the page says that it is not known what was run."""
    leave(tmp_path, seeds(2))
    if content is not None:
        (tmp_path / "sweep.yaml").write_text(content)
    reader, _ = read(tmp_path)
    assert "the command that ran it is not known" in reader.text
    assert "what was run, when and where is not known" in reader.text


def test_a_strangers_sweep_yaml(tmp_path):
    """Foreign entries of sweep.yaml are shown as far as they are text, and aliases are not expanded."""
    leave(tmp_path, seeds(1))
    bomb = "\n".join(f"  a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'x'}]" for i in range(30))
    (tmp_path / "sweep.yaml").write_text(
        f"- command:\n{bomb.replace('  a', '    a')}\n  versions: 3\n  git: {{revision: [1]}}\n"
    )
    reader, _ = read(tmp_path)
    assert "not readable" in reader.text


def test_provenance(tmp_path):
    """Each invocation is shown with its command, versions, revision, machine and times."""
    leave(tmp_path, seeds(1))
    entry = {
        "command": "python -m flipflop.run -m seed=0",
        "started": "2026-01-01T00:00:00+00:00",
        "ended": None,
        "versions": {"numpy": "2.4.6"},
        "git": {"revision": "abc123", "dirty": True},
        "machine": {"cores": 2},
    }
    later = entry | {"ended": "2026-01-03T00:00:00+00:00", "git": None}
    (tmp_path / "sweep.yaml").write_text(json.dumps([entry, later]))
    reader, _ = read(tmp_path)
    for text in (
        "numpy 2.4.6",
        "abc123, with changes that are in no commit",
        "cores 2",
        "Invocation 2",
        "or was killed",
    ):
        assert text in reader.text
    assert reader.text.count("python -m flipflop.run -m seed=0") == 3


def test_a_sweep_of_a_stock_launcher(tmp_path):
    """A folder for each job reads as one sweep, and the command of all jobs is shown once."""
    for job in range(15):
        leave(tmp_path / str(job), [{"seed": job}])
        (tmp_path / str(job) / ".hydra").mkdir()
        entry = {"command": "python -m flipflop.run -m", "started": f"day {job}", "ended": f"day {job + 1}"}
        (tmp_path / str(job) / "sweep.yaml").write_text(json.dumps([entry]))
    reader, data = read(tmp_path)
    assert len(data["runs"]) == 15
    assert reader.text.count("Invocation") == 1
    assert "day 15" in reader.text


def test_runs_without_a_record(tmp_path):
    """Planned runs without a record are listed."""
    leave(tmp_path, seeds(4))
    lines = (tmp_path / "runs.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "runs.jsonl").write_bytes(lines[0] + lines[3])
    assert "2 of 4 planned runs are not done: 1, 2." in read(tmp_path)[0].text


def test_runs_that_were_tested_in_both_ways(tmp_path):
    """On a stream there is a column for the rate from reset, with an explanation."""
    stream = RTRL | {"regime.steps": 40, "history.every": 10, "eval.episodes": 2, "eval.episode_length": 5}
    leave(tmp_path / "stream", [stream | {"seed": seed} for seed in range(2)])
    leave(tmp_path / "page", seeds(2))
    text = read(tmp_path / "stream")[0].text
    assert re.search(r"from reset \(95% Wilson\)", text)
    assert "Success is after a burn-in, from reset the same test without one." in text
    assert "from reset" not in read(tmp_path / "page")[0].text


def test_a_single_run(tmp_path):
    """The page of a single run shows it."""
    leave(tmp_path, seeds(1))
    (tmp_path / ".hydra").mkdir()
    reader, _ = read(tmp_path)
    assert f"Sweep {tmp_path.name}" in reader.text
    assert "only one of its group" in reader.text


def test_figures_stay_apart():
    """Ids and style rules of two figures do not clash; text that looks like an id is unchanged."""
    first, second = (apart(FIGURE, prefix, "a title") for prefix in ("a", "b"))
    ids = [
        {attributes["id"] for _, attributes in Reader(svg).elements if "id" in attributes} for svg in (first, second)
    ]
    assert ids == [{"a-clip", "a-m1"}, {"b-clip", "b-m1"}]
    assert 'href="#a-m1"' in first
    assert 'clip-path="url(#a-clip)"' in first
    assert "#a {*{stroke-linejoin: round}}" in first
    assert '>id="m1" &lt;b&gt;<' in first
    assert first.startswith("<svg")
    assert "made by hand" not in first
    assert "metadata" not in first
    assert 'd="M 1 2.13 L -3.5 4"' in first
    assert "scale(0.015625)" in first
    with pytest.raises(ValueError, match="is no SVG"):
        apart("<p>", "a", "title")


def test_a_thousand_runs(tmp_path):
    """The page of 1,000 runs with full curves and long names is below 5 MB and written in seconds."""
    leave(tmp_path, seeds(2, **{"regime.steps": 400, "eval.every": 400}))
    sweep = load(tmp_path)
    records = [
        replace(
            sweep.records[seed % 2],
            index=seed,
            key=f"{seed}",
            config=sweep.records[0].config
            | {"seed": seed, "env.p_a": 0.1 + seed % 5 / 100, "env.p_b": 0.2 + seed % 3 / 100},
        )
        for seed in range(1000)
    ]
    big = replace(sweep, records=records, homes={record.key: tmp_path for record in records})
    start = time.perf_counter()
    write_page(big, tmp_path / "report.html", figures(), figures)
    assert time.perf_counter() - start < 30
    size = (tmp_path / "report.html").stat().st_size
    assert 1_000_000 < size < 5_000_000
