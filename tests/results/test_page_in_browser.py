"""The page in a real browser: what its script does, without errors on the console."""

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess

import pytest
from test_page import EXPLODING, HOSTILE, figures, leave, seeds

from flipflop.results.load import load
from flipflop.results.page.page import write_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium"),
]

# Functions for the scripts of tests, and the element by which they return their result.
HELPERS = """
const $ = (selector) => document.querySelector(selector);
const $$ = (selector) => [...document.querySelectorAll(selector)];
const shown = () => $$("#runs tbody tr:not([hidden])");
const column = (head) => {
  const place = $$("#runs thead th").findIndex((th) => th.textContent === head);
  return shown().map((row) => row.cells[place].textContent);
};
const press = (head) => $$("#runs thead th button").find((button) => button.textContent === head).click();
const type = (text) => {
  $("#runs-filter").value = text;
  $("#runs-filter").dispatchEvent(new Event("input", { bubbles: true }));
};
const found = (() => { BODY })();
document.body.append(Object.assign(document.createElement("pre"), { id: "found", textContent: JSON.stringify(found) }));
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Write a page of runs that are ok, failed and diverged, with text that would run as a script if not escaped."""
    folder = tmp_path_factory.mktemp("sweep")
    changes = {"regime.steps": 500, "eval.every": 100}
    leave(folder, seeds(11, **changes), label=f"first {HOSTILE}")
    leave(folder, [{"seed": 20, "name": HOSTILE}], errors=[f"Traceback\n{HOSTILE}"], label="second")
    leave(folder, [EXPLODING | {"seed": 21, "optimiser.clip_norm": 1e9}], label="third")
    write_page(load(folder), folder / "report.html", figures(), figures)
    return folder / "report.html"


def browse(page, *options):
    """Return the page as HTML after its scripts have run, and the messages on the console."""
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",  # continuous integration may run as root
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--enable-logging=stderr",
            "--v=0",
            "--lang=en",
            f"--user-data-dir={page.parent / 'browser'}",
            *options,
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


def find(page, body, *options, width=None):
    """Return the result of a script in the page; `body` is the body of its function.

    The page's policy is extended by the hash of this script. With a width in pixels the page is loaded in a frame of
    that width, as a window cannot be as narrow as a phone's.
    """
    script = HELPERS.replace("BODY", body)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = page.read_text(encoding="utf-8")
    text = text.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    text = text.replace("</body>", f"<script>{script}</script></body>")
    if width is not None:
        text = (
            f'<iframe style="border: 0; width: {width}px; height: 800px" srcdoc="{html.escape(text)}" '
            "onload=\"document.body.append(this.contentDocument.getElementById('found'))\"></iframe>"
        )
    copy = page.with_name("with_test.html")
    copy.write_text(text, encoding="utf-8")
    shown, said = browse(copy, *options)
    assert said == []
    (found,) = re.findall(r'<pre id="found">(.*?)</pre>', shown, re.DOTALL)
    return json.loads(html.unescape(found))


def test_nothing_goes_wrong(page):
    """The page's script runs under its policy, without a message on the console."""
    shown, said = browse(page)
    assert said == []
    assert '<html lang="en" class="js">' in shown


def test_the_policy_stops_scripts(page):
    """A script in the text of the page would not run."""
    copy = page.with_name("injected.html")
    copy.write_text(
        page.read_text(encoding="utf-8").replace("</main>", "<script>document.title = 'ran'</script></main>")
    )
    shown, said = browse(copy)
    assert "<title>ran" not in shown
    assert any("Content Security Policy" in line for line in said)


def test_sorting(page):
    """Numbers sort as numbers and blanks last, both ways; the header says which way."""
    found = find(
        page,
        """
        const result = {};
        press("run"); result.up = column("run");
        press("run"); result.down = column("run");
        result.sort = $$("#runs th").map((th) => th.getAttribute("aria-sort"));
        press("mean pain"); result.pain = column("mean pain");
        press("mean pain"); result.pain_down = column("mean pain");
        result.sorts = $$("#runs th[aria-sort]").length;
        return result;
        """,
    )
    assert found["up"] == [str(index) for index in range(13)]
    assert found["down"] == found["up"][::-1]
    assert found["sort"][:2] == ["descending", None]
    pains = [float(pain) for pain in found["pain"] if pain]
    assert pains == sorted(pains)
    assert found["pain"][-1] == found["pain_down"][-1] == ""
    assert [float(pain) for pain in found["pain_down"] if pain] == pains[::-1]
    assert found["sorts"] == 1


def test_filtering(page):
    """All words must be in a row; the status can be chosen; how many are shown is said."""
    found = find(
        page,
        """
        const result = {};
        type("second FAILED"); result.words = column("run");
        result.said = $("output[for=runs-filter]").value;
        type("no such words"); result.none = column("run");
        type("");
        $("#runs-status").value = "diverged";
        $("#runs-status").dispatchEvent(new Event("change"));
        result.status = column("run");
        return result;
        """,
    )
    assert found == {"words": ["11"], "said": "1 of 13 shown", "none": [], "status": ["12"]}


def test_picking(page):
    """A run that is picked shows its metrics, its settings, its curve of 200 points and the command for the rest."""
    found = find(
        page,
        """
        $("#runs tbody tr:nth-child(4) td:nth-child(3)").click();
        const panel = $("#picked");
        const one = { hidden: panel.hidden, text: panel.textContent, command: panel.querySelector("pre").textContent,
          points: panel.querySelector("polyline").getAttribute("points").split(" ").length,
          outside: panel.querySelector("polyline").getAttribute("points").includes("NaN"),
          current: $$("#runs tr[aria-current]").length };
        $("#runs tbody tr:nth-child(12) button").click();
        return { one, failed: panel.textContent, svgs: panel.querySelectorAll("svg").length,
          current: $("#runs tr[aria-current] button").textContent };
        """,
    )
    one = found["one"]
    assert (one["hidden"], one["outside"], one["current"]) == (False, False, 1)
    assert one["points"] == 200
    assert one["command"] == f"python -m flipflop.report {page.parent} --run 3"
    for text in ("Run 3: ok", "mean pain", "seed", "outer step"):
        assert text in one["text"]
    assert "Run 11: failed" in found["failed"]
    assert "No history" in found["failed"]
    assert (found["svgs"], found["current"]) == (0, "11")


def test_text_stays_text(page):
    """What looks like a script in a label, a setting or an error is shown as it was written."""
    found = find(
        page,
        """
        $("#runs tbody tr:nth-child(12)").click();
        return { images: $$("img").length, scripts: $$("script").length, picked: $("#picked").textContent,
          cell: $("#runs tbody tr td:nth-child(2)").textContent, boom: typeof boom };
        """,
    )
    assert (found["images"], found["scripts"], found["boom"]) == (0, 3, "undefined")
    assert HOSTILE in found["cell"]
    assert found["picked"].count(HOSTILE.strip()) == 2  # the setting and the error


def test_on_a_phone(page):
    """At 360 pixels the page does not scroll sideways, with a run picked and all cards open; what is wide scrolls."""
    found = find(
        page,
        """
        $("#runs tbody tr").click();
        for (const details of $$("details")) details.open = true;
        const root = document.documentElement;
        const fits = (e) => e.getBoundingClientRect().right <= innerWidth || e.closest(".table, .card, pre");
        return { window: innerWidth, page: Math.max(root.scrollWidth, document.body.scrollWidth),
          beyond: $$("body *").filter((e) => !fits(e)).map((e) => e.outerHTML.slice(0, 200)) };
        """,
        width=360,
    )
    assert found["window"] == 360
    assert found["page"] <= 360
    assert found["beyond"] == []


def test_in_the_dark(page):
    """In dark mode the page is dark, and figures stand on a light card."""
    body = """
        const light = (selector) => getComputedStyle($(selector)).backgroundColor.match(/\\d+/g).map(Number)[0] > 128;
        return [light("body"), light(".card")];
        """
    assert find(page, body, "--blink-settings=preferredColorScheme=1") == [True, True]
    assert find(page, body, "--blink-settings=preferredColorScheme=0") == [False, True]


def test_printing(page):
    """On paper all cards are open, and afterwards those that were closed are closed again."""
    found = find(
        page,
        """
        const open = () => $$("details[open]").length;
        const before = open();
        dispatchEvent(new Event("beforeprint"));
        const printed = open();
        dispatchEvent(new Event("afterprint"));
        return [before, printed, open(), $$("details").length];
        """,
    )
    assert found[0] == found[2] == 1
    assert found[1] == found[3] > 1


def test_a_thousand_rows_are_quick(page, tmp_path):
    """Sorting and filtering 1,000 runs take a moment, not a wait."""
    text = page.read_text(encoding="utf-8")
    row = re.search(r'<tr data-status="ok">.*?</tr>', text, re.DOTALL)[0]
    big = tmp_path / "big.html"
    big.write_text(text.replace(row, row * 1000), encoding="utf-8")
    found = find(
        big,
        """
        const start = performance.now();
        press("mean pain"); press("group"); type("first"); document.body.offsetHeight;
        return [shown().length, performance.now() - start];
        """,
    )
    assert found[0] == 1010
    assert found[1] < 2000
