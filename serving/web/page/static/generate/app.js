// The page: a sheet of pictures, those that are kept, the one that is worked on, and the way from it to another.

import { load } from "../api.js";
import { hush, say } from "../notices.js";
import { addTheme } from "../theme.js";
import { card, refusal, title } from "../words.js";
import { draw, generate, latest, name, plain } from "./pictures.js";
import { build, place, truncation } from "./settings.js";

const $ = (id) => document.getElementById(id);
const COUNT = 24;
const FRAMES = 16;
const SETTLED = 300; // milliseconds
let facts, model;
let first = 0; // number of the sheet's first picture
let kept = []; // { id, pick, canvas }
let current = null; // of the kept ones
let playing = 0;
let settling = 0;
let serial = 0;

/** What the sheet has of every picture. */
function common() {
  const { label } = model.makes;
  const chosen = $("sheet-label").value;
  const bound = truncation(model);
  const value = +$("sheet-truncation").value;
  return {
    seed: Math.min(Math.max(0, Math.trunc(+$("seed").value || 0)), 4294967295),
    truncation: value === bound.usual ? null : bound.of(value),
    settings: label && chosen ? { [label.name]: chosen } : {},
  };
}

function told(error) {
  if (error.name !== "AbortError") say(error.status === 400 ? error.message : refusal(error));
}

const drawSheet = latest(async () => {
  const [of, from, by] = [common(), first, model];
  try {
    const sheet = await generate(by, { ...plain({ ...of, number: from }), count: COUNT, columns: 6 });
    if (by !== model) return;
    const tiles = [...$("sheet").children].map((item) => item.firstElementChild);
    tiles.forEach((tile, place) => {
      const pick = { ...of, number: from + place };
      tile.pick = pick;
      tile.setAttribute("aria-label", `Keep ${name(pick, model)}`);
      draw(tile.firstElementChild, model, sheet, place);
    });
    link($("download-sheet"), sheet.blob, `${model.id}-seed${of.seed}-${from}.png`);
    $("numbers").textContent = `${from} – ${from + COUNT - 1}`;
    $("sheet").dataset.shows = JSON.stringify({ ...of, number: from });
    markKept();
    if (!current) keep(tiles[0].pick);
  } catch (error) {
    told(error);
  }
});

function link(anchor, blob, filename) {
  if (anchor.href.startsWith("blob:")) URL.revokeObjectURL(anchor.href);
  anchor.href = URL.createObjectURL(blob);
  anchor.download = filename;
  anchor.inert = false;
}

/** What is asked for of the current picture, on its way and mixed. */
function asked() {
  const other = partner();
  const whole = plain(current.pick);
  if (other && +$("mix").value < model.makes.layers) Object.assign(whole, { mix: plain(other.pick), layer: +$("mix").value });
  if (other && +$("at").value > 0) Object.assign(whole, { to: plain(other.pick), at: +$("at").value });
  return whole;
}

const partner = () => kept.find((each) => String(each.id) === $("partner").value);

const drawLarge = latest(async () => {
  if (!current) return; // of another model, which has none yet
  const [request, item, by] = [asked(), current, model];
  try {
    const began = performance.now();
    const sheet = await generate(by, request);
    if (by !== model) return;
    draw($("large"), model, sheet);
    place(model, sheet.latent);
    if (!request.to && !request.mix) draw(item.canvas, model, sheet);
    link($("download"), sheet.blob, `${model.id}-${item.pick.seed}-${item.pick.number}.png`);
    $("which").textContent = name(item.pick, model) + (request.to ? `, ${Math.round(100 * request.at)} % of the way` : "");
    $("large").setAttribute("aria-label", $("which").textContent);
    $("large").dataset.shows = JSON.stringify(request);
    $("large").dataset.milliseconds = Math.round(performance.now() - began);
    $("snippet").textContent = `curl '${new URL(`v1/generate?model=${encodeURIComponent(by.id)}`, location.href)}' \\\n  --json '${JSON.stringify(request).replaceAll("'", "'\\''")}' -o picture.png`;
  } catch (error) {
    told(error);
  }
});

function keep(pick) {
  const same = kept.find((each) => JSON.stringify(each.pick) === JSON.stringify(pick));
  if (same) return choose(same);
  const item = { id: (serial += 1), pick, canvas: document.createElement("canvas") };
  kept.push(item);
  choose(item);
}

function choose(item) {
  current = item;
  stop();
  [$("at").value, $("at-is").textContent] = [0, "0 %"];
  drawKept();
  build(model, item.pick, (pick) => {
    item.pick = pick;
    drawLarge();
    markKept();
    staleStrip(SETTLED);
  });
  drawLarge();
}

function remove(item) {
  kept = kept.filter((each) => each !== item);
  if (current === item) return kept.length ? choose(kept.at(-1)) : ((current = null), drawKept(), drawSheet());
  drawKept();
  return drawLarge();
}

function drawKept() {
  $("kept").replaceChildren(...kept.map((item) => {
    const tile = document.createElement("button");
    Object.assign(tile, { type: "button", className: "tile" });
    tile.setAttribute("aria-current", item === current);
    tile.setAttribute("aria-label", `Work on ${name(item.pick, model)}`);
    tile.append(item.canvas);
    tile.addEventListener("click", () => choose(item));
    const close = document.createElement("button");
    Object.assign(close, { type: "button", className: "remove", innerHTML: '<svg aria-hidden="true"><use href="#i-close"/></svg>' });
    close.setAttribute("aria-label", `Let go of ${name(item.pick, model)}`);
    close.addEventListener("click", () => remove(item));
    const row = document.createElement("li");
    row.append(tile, ...(kept.length > 1 ? [close] : []));
    return row;
  }));
  const before = $("partner").value;
  const others = kept.filter((each) => each !== current);
  $("partner").replaceChildren(...others.map((each) => new Option(name(each.pick, model), each.id)));
  if (others.some((each) => String(each.id) === before)) $("partner").value = before;
  $("other").disabled = !others.length;
  staleStrip();
  markKept();
}

function markKept() {
  const picks = new Set(kept.map((each) => JSON.stringify(each.pick)));
  for (const { firstElementChild: tile } of $("sheet").children) tile.setAttribute("aria-pressed", picks.has(JSON.stringify(tile.pick)));
}

/** The frames of the way to the other one, in one request. */
const frames = (by, from, to) => generate(by, { ...plain(from.pick), to: plain(to.pick), frames: FRAMES, columns: FRAMES });

const drawStrip = latest(async () => {
  const [from, to, by] = [current, partner(), model];
  if (!from || !to) return;
  const picks = [from.pick, to.pick];
  try {
    const sheet = await frames(by, from, to);
    const same = by === model && from === current && to === partner() && from.pick === picks[0] && to.pick === picks[1];
    if (same) link($("strip"), sheet.blob, `${by.id}-way.png`);
  } catch (error) {
    told(error);
  }
});

/** The way that can be downloaded is none of these pictures any more: draw it again, once sliders lie still. */
function staleStrip(wait = 0) {
  $("strip").inert = true;
  clearTimeout(settling);
  settling = setTimeout(drawStrip, wait);
}

function stop() {
  clearInterval(playing);
  playing = 0;
}

async function play() {
  if (playing) return stop();
  const [from, to] = [current, partner()];
  const sheet = await frames(model, from, to).catch(told);
  if (!sheet || from !== current) return undefined;
  let step = 0;
  playing = setInterval(() => {
    const place = step < FRAMES ? step : 2 * FRAMES - 1 - step; // there and back
    draw($("large"), model, sheet, place);
    [$("at").value, $("at-is").textContent] = [place / (FRAMES - 1), `${Math.round((100 * place) / (FRAMES - 1))} %`];
    step += 1;
    if (step < 2 * FRAMES) return;
    stop();
    $("large").dataset.played = step;
    drawLarge();
  }, 80);
  return undefined;
}

function useModel(chosen) {
  [model, first, kept, current] = [chosen, 0, [], null];
  stop();
  const { label, layers, size } = model.makes;
  $("does").textContent = `Makes ${model.target} from noise`;
  document.title = `i2i: ${model.target} from noise`;
  $("sheet-label-row").hidden = !label;
  $("sheet-label").replaceChildren(new Option("all in turn", ""), ...(label?.choices ?? []).map((each) => new Option(each, each)));
  const bound = truncation(model);
  Object.assign($("sheet-truncation"), { min: bound.low, max: bound.high, step: "any", value: bound.usual });
  $("sheet-truncation-is").textContent = bound.words(bound.usual);
  $("mix-row").hidden = !layers;
  Object.assign($("mix"), { max: layers ?? 0, value: layers ?? 0 });
  $("mix-is").textContent = "none";
  const rows = card(model, facts.limits).filter(([term]) => term !== "Score" || Object.keys(model.metrics).length);
  rows.find(([term]) => term === "Sizes")[1] = `${size[2]} × ${size[1]}${size[0] === 4 ? ", with alpha" : ""}`;
  $("card").replaceChildren(...rows.flatMap(([term, words]) => [
    Object.assign(document.createElement("dt"), { textContent: term }), Object.assign(document.createElement("dd"), { textContent: words })]));
  $("sheet").replaceChildren(...Array.from({ length: COUNT }, () => {
    const tile = Object.assign(document.createElement("button"), { type: "button", className: "tile" });
    const canvas = document.createElement("canvas");
    [canvas.height, canvas.width] = size.slice(1);
    tile.append(canvas);
    tile.addEventListener("click", () => tile.pick && keep(tile.pick));
    const item = document.createElement("li");
    item.append(tile);
    return item;
  }));
  drawSheet();
}

function listen() {
  const fresh = () => { first = 0; drawSheet(); };
  $("seed").addEventListener("input", fresh);
  $("sheet-label").addEventListener("change", drawSheet);
  $("sheet-truncation").addEventListener("input", () => {
    $("sheet-truncation-is").textContent = truncation(model).words($("sheet-truncation").value);
    drawSheet();
  });
  $("dice").addEventListener("click", () => { $("seed").value = Math.floor(Math.random() * 1e6); fresh(); });
  $("more").addEventListener("click", () => { first += COUNT; drawSheet(); });
  $("back").addEventListener("click", () => { first = Math.max(0, first - COUNT); drawSheet(); });
  $("partner").addEventListener("change", () => { drawLarge(); staleStrip(); });
  $("at").addEventListener("input", () => { stop(); $("at-is").textContent = `${Math.round(100 * $("at").value)} %`; drawLarge(); });
  $("mix").addEventListener("input", () => { $("mix-is").textContent = +$("mix").value < model.makes.layers ? $("mix").value : "none"; drawLarge(); });
  $("play").addEventListener("click", play);
  $("model").addEventListener("change", () => useModel(facts.models.find((each) => each.id === $("model").value)));
  addEventListener("keydown", (event) => event.key === "Escape" && (playing ? stop() : hush()));
}

async function start() {
  try {
    facts = await load();
  } catch (error) {
    return say(refusal(error));
  }
  $("to-translate").hidden = facts.models.every((each) => each.makes);
  facts.models = facts.models.filter((each) => each.makes);
  if (!facts.models.length) return say("No model here makes pictures from noise.");
  $("model").replaceChildren(...facts.models.map((each) => new Option(title(each), each.id)));
  $("model-row").hidden = facts.models.length < 2;
  listen();
  useModel(facts.models[0]);
  document.body.classList.remove("loading");
  return undefined;
}

for (const button of document.querySelectorAll("button[aria-label]")) button.title = button.getAttribute("aria-label");
addTheme();
start();
