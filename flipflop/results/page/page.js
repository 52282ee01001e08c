"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  document.documentElement.classList.add("js");

  // The value by which a cell sorts: a number in columns of numbers. Blanks (NaN) are last in both directions.
  const keyOf = (cell, isNumber) => {
    const text = cell.dataset.by ?? cell.textContent;
    return isNumber ? Number.parseFloat(text.replaceAll(",", "")) : text.toLowerCase();
  };
  const isBlank = (key) => key === "" || Number.isNaN(key);

  const sort = (table, head, sign) => {
    const body = table.tBodies[0];
    const column = head.cellIndex;
    const isNumber = head.classList.contains("number") || head.classList.contains("rate");
    const collator = new Intl.Collator(undefined, { numeric: true });
    const compare = isNumber ? (a, b) => a - b : collator.compare;
    const rows = [...body.rows].map((row) => ({ row, key: keyOf(row.cells[column], isNumber) }));
    rows.sort((a, b) =>
      isBlank(a.key) || isBlank(b.key) ? isBlank(a.key) - isBlank(b.key) : sign * compare(a.key, b.key));
    body.append(...rows.map(({ row }) => row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () =>
        sort(table, head, head.getAttribute("aria-sort") === "ascending" ? -1 : 1));
    }
  }

  for (const controls of document.querySelectorAll(".controls")) {
    const [input, select, output] = ["input", "select", "output"].map((name) => controls.querySelector(name));
    const rows = [...document.getElementById(controls.dataset.table).tBodies[0].rows].map((row) => ({
      row, text: row.textContent.toLowerCase(), status: row.dataset.status }));
    const filter = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { row, text, status } of rows) {
        row.hidden = !(words.every((word) => text.includes(word)) && (!select?.value || select.value === status));
        shown += !row.hidden;
      }
      output.value = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
    };
    input.addEventListener("input", filter);
    select?.addEventListener("change", filter);
    filter(); // browsers keep the typed text on reload
  }

  const tag = (name, text) => Object.assign(document.createElement(name), { textContent: text });

  const pairs = (title, names, values) => {
    const box = document.createElement("div");
    const list = document.createElement("dl");
    names.forEach((name, i) => {
      const value = values[i];
      list.append(tag("dt", name), tag("dd", typeof value === "number" ? plain(value) : String(value ?? "none")));
    });
    box.append(tag("h4", title), list);
    return box;
  };

  const plain = (value) =>
    Number.isInteger(value) ? value.toLocaleString("en")
      : Math.abs(value) < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));

  const shape = (name, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // Plot pain over the outer steps, on a log scale. Each point is the mean over an equal part of the steps (data.py).
  const curve = ({ pain, kept, every }, width) => {
    const height = 260, left = 52, right = 16, top = 12, bottom = 40;
    const points = pain.map((value, i) => {
      const first = Math.floor((i * kept) / pain.length), end = Math.floor(((i + 1) * kept) / pain.length);
      return { step: (every * (first + 1 + end)) / 2, value: value > 0 ? value : null };
    });
    const values = points.map(({ value }) => value).filter((value) => value !== null);
    if (!values.length) return null;
    const low = Math.floor(Math.log10(Math.min(...values)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
    const last = every * kept;
    const x = (step) => left + (step / last) * (width - left - right);
    const y = (value) => top + ((high - Math.log10(value)) / (high - low)) * (height - top - bottom);
    const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label":
      `Pain over ${plain(last)} outer steps, from ${plain(values[0])} to ${plain(values[values.length - 1])}` });

    const decades = Math.ceil((high - low) / 6);
    for (let power = low; power <= high; power += decades) {
      const at = y(10 ** power);
      svg.append(shape("line", { class: "axis", x1: left, x2: width - right, y1: at, y2: at }));
      svg.append(shape("text", { x: left - 8, y: at + 4, "text-anchor": "end" }, `1e${power}`));
    }
    const rough = last / 4, unit = 10 ** Math.floor(Math.log10(rough));
    const stride = Math.max(1, unit * [1, 2, 5, 10].find((factor) => unit * factor >= rough));
    for (let step = 0; step <= last; step += stride) {
      const anchor = x(step) > width - 40 ? "end" : "middle";
      svg.append(shape("line", { class: "axis", x1: x(step), x2: x(step), y1: height - bottom, y2: height - bottom + 5 }));
      svg.append(shape("text", { x: x(step), y: height - bottom + 18, "text-anchor": anchor }, step.toLocaleString("en")));
    }
    svg.append(shape("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, "outer step"));

    // Where there is no number the line has a gap. A single point between gaps is plotted as a dot.
    const group = shape("g", { class: "curve" });
    let segment = [];
    const end = () => {
      if (segment.length > 1) group.append(shape("polyline", { points: segment.map((at) => at.join()).join(" ") }));
      else if (segment.length) group.append(shape("circle", { cx: segment[0][0], cy: segment[0][1], r: 2.5 }));
      segment = [];
    };
    for (const { step, value } of points) {
      if (value === null) end();
      else segment.push([x(step).toFixed(1), y(value).toFixed(1)]);
    }
    end();
    svg.append(group);
    return svg;
  };

  const runs = document.getElementById("runs");
  const panel = document.getElementById("picked");
  const pick = (row) => {
    runs.querySelector("tr[aria-current]")?.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
    const index = row.cells[0].textContent.trim();
    const run = data.runs[index];
    panel.replaceChildren(tag("h3", `Run ${index}: ${run.status}`));
    panel.hidden = false;
    if (document.getElementById(`run-${index}`)) {
      const what = run.status === "ok" ? "Its figures are below" : "Its error in full is below";
      const link = Object.assign(tag("a", what), { href: `#run-${index}` });
      link.addEventListener("click", () => { document.getElementById(`run-${index}`).open = true; });
      panel.append(document.createElement("p"));
      panel.lastChild.append(link);
    }
    if (run.error) panel.append(tag("pre", run.error));
    const style = getComputedStyle(panel);
    const room = panel.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
    const svg = run.curve && curve(run.curve, Math.max(260, Math.min(room, 736)));
    const means = run.curve && run.curve.pain.length < run.curve.kept ? ", each point the mean of several" : "";
    panel.append(tag("h4", "Pain while training"));
    panel.append(svg || tag("p", "No history of its pain was stored."));
    if (svg) panel.append(Object.assign(tag("p", `Log scale${means}.`), { className: "faint" }));

    const columns = Object.assign(document.createElement("div"), { className: "columns" });
    if (run.metrics) columns.append(pairs("Metrics", data.metrics, run.metrics));
    if (data.settings.length) columns.append(pairs("Settings in which runs differ", data.settings, run.settings));
    panel.append(columns);
    // A run without metrics has no saved weights from which figures could be plotted.
    if (run.metrics) panel.append(tag("h4", "Plot all of its figures"), tag("pre", `${data.command} ${index}`));
    document.getElementById("how-to-pick").textContent = `Run ${index} is picked: it is shown below the table.`;
    panel.scrollIntoView({ block: "nearest" });
  };
  runs.tBodies[0].addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && !String(getSelection())) pick(row); // a click that selects text does not pick the run
  });

  // Open all details for printing, and close them again afterwards.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
})();
