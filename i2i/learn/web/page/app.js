// The page: frames come in, canvases are drawn, buttons send commands.

import { about, act, frame as ask } from "./api.js";
import { addCharts, drawCharts } from "./charts.js";
import { addControls } from "./controls.js";
import { addCourse } from "./course.js";
import { looksFor, moments, showDoctor } from "./doctor.js";
import { forget } from "./paint.js";
import { LAYERS, drawPlane } from "./plane.js";
import { VIEWS, drawSheet } from "./sheet.js";
import { addTheme } from "./theme.js";

const $ = (id) => document.getElementById(id);
const canvas = $("canvas"), pen = canvas.getContext("2d");
const state = { still: null, view: null, frame: null, lines: [], version: -1, number: -1, slow: false, drawn: [], drawing: false, which: "samples" };
const shown = Object.fromEntries(LAYERS.map(([name, , on]) => [name, on]));
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
let controls, course;

function notice(text) {
  const box = document.createElement("div"), close = document.createElement("button");
  box.textContent = text;
  close.type = "button";
  close.setAttribute("aria-label", "Close");
  close.innerHTML = '<svg aria-hidden="true"><use href="#i-close"/></svg>';
  close.addEventListener("click", () => box.remove());
  box.append(close);
  $("notices").replaceChildren(box);
  setTimeout(() => box.remove(), 9000);
}

async function send(what, more) {
  try {
    const answer = await act(what, more);
    if ("plane" in answer) take(answer);
    if (answer.note) notice(answer.note);
    if (["provoke", "cure", "extend"].includes(what)) state.note = "";  // said again where it still keeps this from running
    if (what === "cure" || what === "best") {  // which may go back in the log
      state.version = -1;
      state.lines = [];
    }
    return answer;
  } catch (error) {
    notice(error.message);
    if (state.frame) controls.show(state.frame.settings);
    return null;
  }
}

function take(still) {
  const other = !state.still || state.still.plane !== still.plane;
  state.still = still;
  state.number = still.number;
  state.version = -1;
  state.lines = [];
  state.view = null;
  if (other) addLayers();
}

// Frames, one after the other; a new one is asked for when the last is drawn.
async function watch() {
  for (;;) {
    if (document.hidden || state.slow) { await pause(150); continue; }
    const began = performance.now();
    try {
      const found = await ask(state.version, state.lines.length);
      if (found) await apply(found);
    } catch (error) {
      notice(error.message);
      await pause(3000);
      state.version = -1;
      await send("look");
    }
    await pause(Math.max(20, 90 - (performance.now() - began)));
  }
}

async function apply(found) {
  if (found.number !== state.number) {  // of the training before, on its way when another began; or begun in a copy of this tab
    state.version = -1;
    state.lines = [];
    if (found.number > state.number) await send("look");
    return;
  }
  if (found.since !== 0 && found.since !== state.lines.length) {  // the log was cut meanwhile
    state.version = -1;
    state.lines = [];
    return;
  }
  state.version = found.version;
  if (found.since === 0) state.lines = [];
  state.lines.splice(found.since, Infinity, ...found.lines);
  state.frame = found;
  if (!state.slow) state.view = found.view;
  controls.show($("ask").hidden ? found.settings : { ...found.settings, data: "drawn" });
  tell(found);
  draw();
}

function tell(found) {
  const running = found.pace !== "" || state.slow;
  const play = $("play"), says = running ? "Pause" : "Play";
  if (play.lastElementChild.textContent !== says) {
    play.lastElementChild.textContent = says;
    play.querySelector("use").setAttribute("href", running ? "#i-pause" : "#i-play");
  }
  $("fast").setAttribute("aria-pressed", String(found.pace === "fast"));
  $("slow").setAttribute("aria-pressed", String(state.slow));
  $("at").textContent = `Step ${found.step.toLocaleString("en")} of ${found.total.toLocaleString("en")}`;
  $("progress").max = found.total;
  $("progress").value = found.step;
  $("best").disabled = found.best === null;
  $("extend").disabled = !found.done || Boolean(found.ended);
  $("play").disabled = $("step").disabled = $("slow").disabled = $("fast").disabled = found.done;
  document.body.dataset.step = found.step;
  document.body.dataset.data = found.settings.data;
  for (const button of $("failures").children) {
    const there = found.ailments.some((one) => one.name === button.dataset.name && one.over === null);
    button.classList.toggle("there", there);
  }
  showDoctor($("doctor"), found, (name) => send("cure", { name }));
  showTiles(found);
  if (found.note && found.note !== state.note) notice(found.note);
  state.note = found.note;
}

const TILES = [["learn_modes", "Modes"], ["learn_precision", "Precision"], ["learn_recall", "Recall"], ["health_distance", "Distance"]];

function showTiles(found) {
  const line = state.lines.findLast((one) => "learn_modes" in one) ?? {};
  for (const [key] of TILES) {
    const v = line[key];
    $(`tile-${key}`).textContent = v === undefined || v === null ? "–" : key === "learn_modes" ? `${v} of ${found.parts}` : v.toFixed(2);
  }
}

function addTiles() {
  const says = { learn_modes: "Modes that at least a quarter of their share of samples lie in", learn_precision: "Share of generated samples that lie among real ones", learn_recall: "Share of real samples that lie among generated ones", health_distance: "From held-out samples, in units of what two halves of these are apart: 1 is as good as real" };
  for (const [key, label] of TILES) {
    const item = document.createElement("li");
    item.title = says[key];
    item.innerHTML = `<span>${label}</span><b id="tile-${key}">–</b>`;
    $("tiles").append(item);
  }
}

function addLayers() {
  const box = $("layers"), plane = state.still.plane;
  box.replaceChildren(...(plane ? LAYERS : VIEWS).map(([name, title]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title;
    button.dataset.layer = name;
    button.setAttribute("aria-pressed", String(plane ? shown[name] : state.which === name));
    button.addEventListener("click", () => {
      if (plane) shown[name] = !shown[name];
      else state.which = name;
      for (const one of box.children) one.setAttribute("aria-pressed", String(plane ? shown[one.dataset.layer] : state.which === one.dataset.layer));
      legend();
      draw();
    });
    return button;
  }));
  legend();
}

const SAYS = {
  samples: "Samples of fixed latents, with classes a column for each; the bar under each is how real D calls it.", real: "Real samples that are held out.",
  map: "Real and generated samples on the two directions in which real ones differ most.", lattice: "Two latent numbers across and down, the others 0.",
  walk: "From one latent to another, in nine steps.", hints: "Below each sample what G's loss asks of it: blue lighter, orange darker.",
};

function legend() {
  const key = (name, text) => `<span class="key ${name}">${text}</span>`;
  const both = key("real", "real") + key("gen", "generated");
  $("legend").innerHTML = state.still.plane ? `${both}<span>colours: what D says there, <output id="says"></output></span>` : state.which === "map" ? both + `<span>${SAYS.map}</span>` : `<span>${SAYS[state.which]}</span>`;
}

function draw() {
  if (!state.still || !state.view) return;
  const size = canvas.clientWidth, scale = devicePixelRatio || 1;
  if (canvas.width !== Math.round(size * scale)) canvas.width = canvas.height = Math.round(size * scale);
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  if (state.still.plane) {
    drawPlane(pen, size, state.still, state.view, shown, state.drawn);
    if ($("says")) $("says").value = state.view.says.map((v) => v.toFixed(2)).join(" to ");
  }
  else if (state.view.fake) drawSheet(pen, size, state.still, state.view, state.which);
  drawCharts(state.lines, state.frame.total, moments(state.frame));
}

// Slow motion: one step at a time, in three phases: D learns, its slopes draw the points, G learns.
async function slowly() {
  while (state.slow) {
    const before = state.view, answer = await send("step");
    if (!answer || !state.slow) break;
    const found = await ask(state.version, state.lines.length);
    if (!found) { await pause(300); continue; }
    await apply(found);
    const mid = found.after_d, after = found.view;
    if (mid && before && state.still.plane) {
      phase("1. D learns to tell real from generated: its colours move.");
      state.view = { ...mid, fake: before.fake, arrows: [] };
      draw();
      await pause(1300);
      if (!state.slow) break;
      phase("2. G's loss draws its points up D's slope: the arrows.");
      state.view = { ...mid };
      draw();
      await pause(1300);
      if (!state.slow) break;
      phase("3. G learns: its points move.");
      for (let n = 1; n <= 12 && state.slow; n++) {
        state.view = { ...mid, arrows: [], fake: mid.fake.map((v, i) => v + (after.fake[i] - v) * n / 12), warped: mid.warped.map((v, i) => v + (after.warped[i] - v) * n / 12) };
        draw();
        await pause(50);
      }
    } else await pause(700);
    state.view = after;
    draw();
    if (found.done) state.slow = false;
  }
  state.slow = false;
  phase("");
  if (state.frame) tell(state.frame);
}

function phase(text) {
  $("phase").textContent = text;
  $("phase").hidden = !text;
  $("legend").hidden = Boolean(text);
}

function stopSlow() {
  state.slow = false;
  phase("");
}

const acts = {
  async play() {
    if (state.slow) { stopSlow(); return tell(state.frame); }
    if (state.frame?.pace) return send("pause");
    return send("play", { pace: "play" });
  },
  fast() { stopSlow(); return send(state.frame?.pace === "fast" ? "pause" : "play", { pace: "fast" }); },
  async slow() {
    if (state.slow) { stopSlow(); return tell(state.frame); }
    await send("pause");
    state.slow = true;
    tell(state.frame);
    return slowly();
  },
  step() { stopSlow(); return send("step"); },
  again() { stopSlow(); return send("new", { settings: state.frame.settings, drawn: state.drawn }); },
  best() { stopSlow(); return send("best"); },
  extend() { stopSlow(); return send("extend"); },
};

function addButtons(rows) {
  for (const [name, call] of Object.entries(acts)) $(name).addEventListener("click", call);
  $("command").addEventListener("click", command);
  $("copy").addEventListener("click", copy);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    const key = { " ": "play", f: "fast", s: "slow", n: "step", r: "again" }[event.key];
    if (!key || (event.key === " " && event.target.closest("button, a"))) return;
    event.preventDefault();
    if (!$(key).disabled) acts[key]();
  });
  for (const row of rows) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = row.button;
    button.title = row.text;
    button.dataset.name = row.name;
    button.addEventListener("click", async () => {
      stopSlow();
      $("break-says").textContent = row.text;
      state.drawn = [];
      await send("provoke", { name: row.name });
    });
    $("failures").append(button);
  }
  for (const tab of ["settings", "course"]) $(`tab-${tab}`).addEventListener("click", () => open(tab));
  document.querySelector(".tabs").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = $("tab-settings").getAttribute("aria-selected") === "true" ? "course" : "settings";
    open(other);
    $(`tab-${other}`).focus();
  });
}

function open(tab) {
  for (const one of ["settings", "course"]) {
    $(`tab-${one}`).setAttribute("aria-selected", String(one === tab));
    $(`tab-${one}`).tabIndex = one === tab ? 0 : -1;
    $(one).hidden = one !== tab;
  }
  if (tab === "course") course.open();
}

async function command() {
  const found = await send("command");
  if (!found) return;
  $("line").textContent = found.line;
  $("yaml").textContent = found.config;
  const unpacked = found.file.endsWith(".zip") ? `what is in ${found.file}` : found.file;
  $("code-says").textContent = `Put learn.yaml and ${unpacked} beside each other, and run the line. ${found.exact || "It has the same steps and the same curve."}`;
  const config = $("get-config"), data = $("get-data");
  for (const link of [config, data]) if (link.href) URL.revokeObjectURL(link.href);
  config.href = URL.createObjectURL(new Blob([found.config], { type: "text/yaml" }));
  data.href = URL.createObjectURL(new Blob([Uint8Array.from(atob(found.data), (c) => c.charCodeAt(0))]));
  data.download = data.lastElementChild.textContent = found.file;
  $("code").showModal();
}

async function copy() {
  try {
    await navigator.clipboard.writeText($("line").textContent);
    $("copy").textContent = "Copied";
  } catch {  // not allowed, as on an address without TLS: marked, for the keys to copy
    getSelection().selectAllChildren($("line"));
    $("copy").textContent = "Marked: press Ctrl+C";
  }
  setTimeout(() => { $("copy").textContent = "Copy the line"; }, 3000);
}

// Points drawn by hand.
function addDrawing() {
  const place = (event) => {
    const box = canvas.getBoundingClientRect(), reach = state.still.reach;
    return [((event.clientX - box.left) / box.width * 2 - 1) * reach, (1 - (event.clientY - box.top) / box.height * 2) * reach];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if ($("ask").hidden && state.frame?.settings.data !== "drawn") return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    if (!state.drawing) state.drawn = [];
    state.drawing = true;
    $("ask").hidden = true;
    state.drawn.push(place(event));
    draw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!state.drawing || !event.buttons) return;
    const next = place(event), last = state.drawn.at(-1);
    if (Math.hypot(next[0] - last[0], next[1] - last[1]) > 0.02 && state.drawn.length < 2000) state.drawn.push(next);
    draw();
  });
  const end = async () => {
    if (!state.drawing) return;
    state.drawing = false;
    const drawn = state.drawn;
    if (await send("set", { settings: { data: "drawn" }, drawn })) state.drawn = [];
    ready();
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
}

function ready() {
  const drawing = !$("ask").hidden || state.frame?.settings.data === "drawn";
  canvas.classList.toggle("drawable", drawing);
}

async function changed(settings) {
  if (settings.data === "drawn") {  // nothing to train on before something is drawn
    stopSlow();
    $("ask").hidden = false;
    ready();
    await send("pause");
    if (!state.still.plane) await send("set", { settings: { data: "ring" } });
    return;
  }
  $("ask").hidden = true;
  await send("set", { settings });
  return ready();
}

async function begin(at, lesson) {
  stopSlow();
  $("ask").hidden = true;
  state.drawn = [];
  if (lesson.shows.length) for (const [name] of LAYERS) shown[name] = ["real", "fake", ...lesson.shows].includes(name);
  await send("course", { lesson: at });
  addLayers();
}

async function start() {
  addTheme();
  const all = await about();
  controls = addControls($("settings"), all.controls, changed);
  course = addCourse($("course"), all.course, { begin, set: (settings) => send("set", { settings }) });
  looksFor(all.failures.map((one) => one.title.toLowerCase()));
  addTiles();
  addCharts($("charts"));
  addButtons(all.failures);
  addDrawing();
  new ResizeObserver(draw).observe(canvas);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => { forget(); draw(); };
  dark.addEventListener("change", repaint);
  $("theme").addEventListener("click", repaint);
  await send("look");
  document.body.classList.add("ready");
  watch();
}

start();
