"use strict";
// Shared by the report of a run and the comparison of several; a page defines `series`, the table of its curves.
const byId = (id) => document.getElementById(id);
const count = (n) => n.toLocaleString("en");
const brief = (v) => (v === 0 ? "0" : Math.abs(v) >= 1e5 || Math.abs(v) < 1e-3
  ? v.toExponential(1).replace("e+", "e").replace(".0e", "e") : String(Number(v.toPrecision(3))));
const thousands = (n) => (n >= 1e6 ? `${+(n / 1e6).toFixed(2)}M` : n >= 1e4 ? `${+(n / 1e3).toFixed(1)}k` : count(n));

// Text from files goes through textContent and setAttribute alone, so it is never read as markup.
function make(tag, attributes = {}, ...children) {
  const spaces = "svg g line path circle text title clipPath rect".split(" ").includes(tag);
  const node = spaces ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Curves. A chart draws columns of the log over images seen; it is redrawn when its width or a choice changes.
const NAMES = { g_gan: "adversarial", g_l1: "L1", g_total: "total", d_real: "on real", d_fake: "on fake",
  p_real: "D(real)", p_fake: "D(fake)", lr_g: "generator", lr_d: "discriminator" };
const charts = [];
let smoothing = 0;

const nameOf = (key) => NAMES[key] || key.replace(/^(g|d|p|val|lr|ada)_/, "").replaceAll("_", " ");
const withPrefix = (prefix) => Object.keys(series).filter((key) => key.startsWith(prefix));

/** Centred moving mean over `share` percent of the points, which skips missing values and narrows at the ends. */
function smooth(values, share) {
  const half = Math.floor((values.length * share) / 200);
  if (half < 1) return values;
  const sums = [0], counts = [0];
  values.forEach((v, i) => { sums.push(sums[i] + (v ?? 0)); counts.push(counts[i] + (v === null ? 0 : 1)); });
  return values.map((v, i) => {
    const reach = Math.max(Math.min(half, i, values.length - 1 - i), half >> 1); // nearly symmetric: the ends lag little
    const from = Math.max(0, i - reach), to = Math.min(values.length, i + reach + 1), n = counts[to] - counts[from];
    return v === null || !n ? null : (sums[to] - sums[from]) / n;
  });
}

function linearTicks(low, high, wanted) {
  const raw = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-6); i * step <= high + step * 1e-6 && ticks.length < 20; i++) ticks.push(i * step + 0); // never -0
  return ticks;
}

function logTicks(low, high) {
  const decades = Math.log10(high / low), steps = decades > 4 ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 5];
  const ticks = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
    for (const step of steps) if (step * 10 ** e >= low * 0.999 && step * 10 ** e <= high * 1.001) ticks.push(step * 10 ** e);
  return ticks.length > 1 ? ticks : linearTicks(low, high, 3).filter((t) => t > 0);
}

function median(values) {
  const sorted = values.filter((v) => v !== null).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? null;
}

/** Smallest and largest value worth showing: all of the smooth line, the raw one without its rarest spikes. */
function extent(lines, positive) {
  let values = lines.flatMap(({ smoothed }) => smoothed);
  for (const { raw } of lines) {
    const sorted = raw.filter((v) => v !== null && (!positive || v > 0)).sort((a, b) => a - b);
    const cut = Math.floor(sorted.length * 0.005);
    values = values.concat(sorted[cut] ?? null, sorted[sorted.length - 1 - cut] ?? null);
  }
  values = values.filter((v) => v !== null && (!positive || v > 0));
  return values.length ? [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))] : null;
}

/** A colour for each line, all different as far as they reach; real and fake have theirs on every chart. */
function colour(keys) {
  const taken = new Set(), own = keys.map((key) => (key.includes("real") ? 0 : key.includes("fake") ? 1 : null));
  const first = own.map((c) => (c === null || taken.has(c) ? null : taken.add(c) && c));
  const free = [0, 1, 2, 3, 4, 5].filter((c) => !taken.has(c));
  let next = 0;
  return first.map((c, i) => c ?? free[next++] ?? i % 6);
}

/**
 * Add a chart to `place`. `keys`: columns of the log. Options: `note`, `log` (may be switched to a log axis),
 * `domain` [low, high], `rule` (a marked value), `smooth`, `zero` (the axis starts at 0), `dashed` (lines after the first,
 * which may hide it), `best` {value, images}, `names` of the lines by key, `height`; `table` of the columns instead of
 * `series`, `unit` (its column along the axis, by default images), `colours` of the lines, 0 to 5.
 */
function addChart(place, title, keys, options = {}) {
  const table = options.table ?? series, unit = options.unit ?? "images", along = table[unit];
  const rows = along.map((_, i) => i).filter((i) => keys.some((key) => table[key][i] !== null));
  if (!rows.length) return;
  const x = rows.map((i) => along[i]), xMax = Math.max(unit === "images" ? 1 : 1e-9, along[along.length - 1]);
  const colours = options.colours ?? colour(keys);
  const lines = keys.map((key, i) => ({ key, name: options.names?.[key] ?? nameOf(key), shown: true,
    raw: rows.map((r) => table[key][r]), colour: `var(--c${colours[i]})` }));
  const chart = { log: false, at: null };
  const clip = `clip${charts.length}`, height = options.height || 230;
  const edge = { left: 46, right: 14, top: 10, bottom: 22 };
  const svg = make("svg", { height, role: "img", tabindex: 0 }), tip = make("div", { class: "tip", "aria-live": "polite" });
  const plot = make("div", { class: "plot" }, svg, tip);
  const caption = make("figcaption", {}, make("h3", {}, title, make("small", {}, options.note || "")));
  const figure = make("figure", { class: "chart" }, caption, plot);

  if (options.log) {
    // Terms of very different size (an L1 of 0.1 below an adversarial 2) cannot be read on one linear axis.
    const middles = lines.map(({ raw }) => median(raw)).filter((v) => v > 0);
    chart.log = Math.max(...middles) > 6 * Math.min(...middles);
    const toggle = make("button", { type: "button", "aria-pressed": chart.log, class: "log" }, "Log scale");
    toggle.addEventListener("click", () => {
      chart.log = !chart.log;
      toggle.setAttribute("aria-pressed", chart.log);
      draw();
    });
    caption.append(toggle);
  }
  if (lines.length > 1) figure.append(make("div", { class: "legend" }, ...lines.map((line) => {
    const button = make("button", { type: "button", "aria-pressed": "true", style: `--colour: ${line.colour}`,
      title: `${line.key}: show or hide` }, line.name);
    button.addEventListener("click", () => {
      line.shown = !line.shown;
      button.setAttribute("aria-pressed", line.shown);
      draw();
    });
    return button;
  })));

  let toX, toY, overlay;
  function draw() {
    const width = Math.max(200, plot.clientWidth), right = width - edge.right, bottom = height - edge.bottom;
    const shown = lines.filter((line) => line.shown);
    for (const line of lines) line.smoothed = options.smooth ? smooth(line.raw, smoothing) : line.raw;
    let [low, high] = options.domain || extent(shown, chart.log) || [chart.log ? 0.1 : 0, 1];
    if (options.rule !== undefined && !chart.log) [low, high] = [Math.min(low, options.rule), Math.max(high, options.rule)];
    if (!options.domain && !chart.log) {
      if (options.zero) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
      if (high - low < 1e-12) [low, high] = [low - Math.abs(low || 1) * 0.1, high + Math.abs(high || 1) * 0.1];
      else { const room = (high - low) * 0.06; if (high !== 0) high += room; if (low !== 0) low -= room; }
    } else if (chart.log) [low, high] = [low / 1.1, high * 1.1];
    const position = chart.log ? (v) => Math.log(v / low) / Math.log(high / low) : (v) => (v - low) / (high - low);
    toX = (v) => edge.left + (v / xMax) * (right - edge.left);
    toY = (v) => bottom - position(v) * (bottom - edge.top);

    svg.replaceChildren(make("clipPath", { id: clip },
      make("rect", { x: edge.left, y: edge.top - 8, width: right - edge.left + 10, height: bottom - edge.top + 12 })));
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    for (const tick of chart.log ? logTicks(low, high) : linearTicks(low, high, height > 180 ? 5 : 3)) svg.append(
      make("line", { class: "grid", x1: edge.left, x2: right, y1: toY(tick), y2: toY(tick) }),
      make("text", { x: edge.left - 6, y: toY(tick) + 4, "text-anchor": "end" }, brief(tick)));
    for (const tick of linearTicks(0, xMax, width > 420 ? 6 : 5)) svg.append(
      make("text", { x: toX(tick), y: height - 6, "text-anchor": tick / xMax > 0.96 ? "end" : "middle" }, thousands(tick)));
    if (options.rule !== undefined) svg.append(
      make("line", { class: "rule", x1: edge.left, x2: right, y1: toY(options.rule), y2: toY(options.rule) }));

    const inside = make("g", { "clip-path": `url(#${clip})` });
    for (const faint of [true, false]) for (const line of shown) {
      const values = faint ? line.raw : line.smoothed;
      if (faint && line.smoothed === line.raw) continue;
      const points = values.map((v, i) => (v === null || (chart.log && v <= 0) ? null : [toX(x[i]), toY(v)])).filter(Boolean);
      inside.append(make("path", { class: faint ? "raw" : "line", stroke: line.colour, "data-key": line.key,
        "stroke-dasharray": options.dashed && line !== lines[0] ? "6 6" : "none",
        d: points.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join("") }));
      if (!faint && points.length < 40) for (const [cx, cy] of points)
        inside.append(make("circle", { cx, cy, r: 2.4, fill: line.colour }));
    }
    if (options.best && !(chart.log && options.best.value <= 0)) inside.append(
      make("circle", { cx: toX(options.best.images), cy: toY(options.best.value), r: 6, fill: "none",
        stroke: "var(--text)", "stroke-width": 1.5 }));
    overlay = make("g", {});
    svg.append(inside, overlay);
    point(chart.at);
  }

  /** Show the read-out at point `i`, or none, and the time of the pictures that are shown. */
  function point(i) {
    chart.at = i;
    overlay.replaceChildren();
    tip.replaceChildren();
    const vertical = (name, v) => make("line", { class: name, x1: toX(v), x2: toX(v), y1: edge.top, y2: height - edge.bottom });
    if (chart.shownAt !== undefined && chart.shownAt <= xMax) overlay.append(vertical("shown", chart.shownAt));
    if (i === null) return;
    overlay.append(vertical("cursor", x[i]));
    tip.append(make("div", {}, `${count(x[i])} ${unit}`));
    for (const line of lines.filter((l) => l.shown && l.raw[i] !== null)) {
      if (!chart.log || line.smoothed[i] > 0)
        overlay.append(make("circle", { cx: toX(x[i]), cy: toY(line.smoothed[i]), r: 3.5, fill: line.colour }));
      const raw = line.smoothed === line.raw ? "" : ` (raw ${brief(line.raw[i])})`;
      tip.append(make("div", {}, make("span", { style: `color: ${line.colour}` }, line.name),
        make("span", {}, make("b", {}, brief(line.smoothed[i])), raw)));
    }
    const room = plot.clientWidth - tip.offsetWidth, beyond = toX(x[i]) > plot.clientWidth / 2;
    const wanted = beyond ? toX(x[i]) - tip.offsetWidth - 12 : toX(x[i]) + 12;
    tip.style.left = `${Math.max(0, Math.min(room, wanted))}px`;
  }

  function nearest(event) {
    const box = svg.getBoundingClientRect(), share = (event.clientX - box.left - edge.left) / (box.width - edge.left - edge.right);
    const wanted = share * xMax;
    let low = 0, high = x.length - 1;
    while (low < high) { const middle = (low + high) >> 1; if (x[middle] < wanted) low = middle + 1; else high = middle; }
    return low > 0 && wanted - x[low - 1] < x[low] - wanted ? low - 1 : low;
  }
  plot.addEventListener("pointermove", (event) => point(nearest(event)));
  plot.addEventListener("pointerdown", (event) => point(nearest(event)));
  plot.addEventListener("pointerleave", () => point(null));
  svg.addEventListener("blur", () => point(null));
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const stride = Math.max(1, Math.round(x.length / 100));
    point(Math.min(x.length - 1, Math.max(0, (chart.at ?? (step > 0 ? -1 : x.length)) + step * stride)));
  });

  const ends = lines.map((line) => {
    const known = line.raw.filter((v) => v !== null);
    return `${line.name} from ${brief(known[0])} to ${brief(known[known.length - 1])}`;
  });
  svg.setAttribute("aria-label", `${title} over ${unit === "images" ? "images seen" : unit}: ${ends.join("; ")}. Arrow keys read values.`);
  chart.draw = draw;
  chart.showTime = (images) => { chart.shownAt = images; point(chart.at); };
  place.append(figure);
  place.closest("section").hidden = false;
  charts.push(chart);
  draw();
  new ResizeObserver(draw).observe(plot);
}

function setSmoothing(percent) {
  smoothing = percent;
  byId("smoothing-value").textContent = percent ? `${percent} % of the run` : "off";
  for (const chart of charts) chart.draw();
}
