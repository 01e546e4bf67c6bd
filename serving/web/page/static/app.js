// The page: what is shown for which state. The session holds the pictures, the stage shows two of them.

import { load } from "./api.js";
import { hush, say } from "./notices.js";
import * as controls from "./panel/controls.js";
import * as masks from "./panel/masks.js";
import { addRatings } from "./panel/ratings.js";
import { download, drawResult, roundTrip, save } from "./panel/result.js";
import { showCode } from "./panel/snippets.js";
import { bringIn, drawExamples, drawItems, markExample } from "./panel/strip.js";
import { addIntake, offerKinds } from "./pictures/intake.js";
import * as pixels from "./pictures/pixels.js";
import { makeItem, Session } from "./pictures/session.js";
import { addLoupe } from "./stage/loupe.js";
import { Stage } from "./stage/stage.js";
import { addTheme } from "./theme.js";
import * as words from "./words.js";

const $ = (id) => document.getElementById(id);
let facts, session, model;
let selected = null; // an item of the session, or an example that is looked at
let shown = null; // what the stage has: an item, its result, whether it is the round trip

const stage = new Stage(({ size, view, exactScale }) => {
  $("zoom").textContent = size ? `${Math.round((100 * view.scale) / exactScale)} %` : "";
});
const loupe = addLoupe(stage);

const modelOf = (item) => facts.models.find((each) => each.id === item?.model) ?? model;

// What is shown

function draw(finished) {
  if (finished && finished !== selected && selected?.state !== "done") selected = finished;
  drawItems(session.items, selected, { choose: (item) => { hush(); select(item); }, remove });
  const running = session.running;
  const busy = Boolean(running);
  const large = selected && selected.width && session.isLarge(selected, model);
  const open = busy ? 0 : openOnes().length;
  const done = finished?.result ? "download" : "translate";
  for (const id of ["translate", "translate-all"]) show(id, !busy && (id === "translate" || open > 1), "cancel");
  show("cancel", busy, done);
  $("translate-all").textContent = `Translate all ${open}`;
  $("translate").disabled = !selected || selected.state === "opening" || large || (selected.example && !isNews(selected));
  const mine = busy && (running.item === selected || session.queue.includes(selected));
  $("progress").hidden = $("scan").hidden = !mine && !selected?.making;
  if (mine) drawProgress(running.item === selected ? running.now : { state: "queued", place: session.queue.indexOf(selected) + 1 });
  else if (selected?.making) drawProgress({ state: "example" });
  drawOffer(large);
  masks.draw(selected);
  drawResult(selected, modelOf(selected));
  drawFirst();
  drawStage(finished === selected);
  if (finished?.why && finished !== selected) say(finished.why);
}

/** Show or hide a button; where one is hidden that has the focus, `next` gets it, once it may be used. */
function show(id, is, next) {
  if (!is && document.activeElement === $(id)) setTimeout(() => $(next).focus({ preventScroll: true }));
  $(id).hidden = !is;
}

/** What is the next thing to do: it alone has the accent. */
function drawFirst() {
  const arriving = !selected || selected.example;
  const now = $("translate-all").hidden ? "translate" : "translate-all";
  let first = arriving && !isNews(selected) ? "choose" : selected?.result && !isNews(selected) ? "download" : now;
  if (!$("offer").hidden && !$("offer-act").hidden) first = "offer-act";
  for (const id of ["offer-act", "choose", "translate", "translate-all", "download"]) $(id).classList.toggle("primary", id === first);
  document.body.classList.toggle("arriving", first === "choose");
}

/** Whether a translation by the model and the settings as they stand would be another one. */
function isNews(item) {
  return Boolean(item) && !(item.result && item.model === model.id && item.used === item.beside && JSON.stringify(item.settings) === JSON.stringify(controls.values())) && !(item.example && !item.result);
}

function drawProgress(now) {
  const text = words.progress(now);
  if ($("stage-says").textContent !== text) $("stage-says").textContent = text;
  const bar = $("progress").querySelector("progress");
  if (now.total > 1) [bar.max, bar.value] = [now.total, now.done];
  else if (now.left > 0) [bar.max, bar.value] = [1, now.spent / (now.spent + now.left)];
  else bar.removeAttribute("value");
}

function drawOffer(large) {
  const failed = selected?.state === "failed";
  const again = failed && words.PASSING.has(selected.status);
  const is = Boolean(large || failed);
  if (!is && $("offer").contains(document.activeElement)) show("offer-act", false, session.running ? "cancel" : "translate");
  $("offer").hidden = !is;
  const [text, button] = $("offer").firstElementChild.children;
  button.hidden = !(large || again);
  if (failed) text.textContent = selected.why;
  if (again) button.textContent = "Try again";
  if (!large) return;
  const size = pixels.smaller(selected, session.limit(model));
  const heavy = selected.width * selected.height <= session.limit(model);
  text.textContent = heavy
    ? `This file has ${(selected.blob.size / 1e6).toFixed(1)} MB; up to ${(facts.limits.bytes / 1e6).toFixed(1)} go through here.`
    : `This picture has ${words.megapixels(selected.width * selected.height)}; up to ${words.megapixels(session.limit(model))} go through here.`;
  button.textContent = heavy ? "Pack it smaller" : `Make it ${words.sides(size)}`;
}

async function drawStage(isNew = false) {
  const item = selected;
  const isBack = Boolean(item?.trip?.shown);
  const result = isBack ? item.trip : item?.result;
  const key = item && `${item.url} ${result?.url}`;
  if (key === shown || item?.state === "opening") return;
  shown = key;
  if (!item) return stage.clear();
  const by = modelOf(item);
  const size = result ? { width: result.width, height: result.height } : { width: item.width, height: item.height };
  const larger = Boolean(result) && size.width > item.width;
  const [before, after] = await Promise.all([pixels.image(item.url), result && pixels.image(result.url)]);
  if (key !== shown) return; // another picture was chosen meanwhile
  $("backdrop").style.backgroundImage = `url("${item.thumb}")`;
  stage.show(before, after ?? null, size, { keepView: true, reveal: isNew || item.example });
  if (larger) pixels.enlarged(item.shown, by.scale, before).then((exact) => key === shown && stage.replaceBefore(exact)); // takes a while
  Object.assign($("stage").dataset, { picture: item.name, shows: isBack ? "back" : result ? "after" : "before" });
  const [left, right] = words.ends(by, item.example, isBack, larger);
  $("left-is").textContent = left;
  $("right-is").textContent = result ? right : "";
  $("sizes").textContent = larger ? `${words.sides(item)} → ${words.sides(size)}` : words.sides(size);
  const smooth = matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
  if (isNew && !item.example && matchMedia("(max-width: 53.74em)").matches) $("view").scrollIntoView({ behavior: smooth, block: "start" });
}

// What one does

function select(item) {
  selected = item;
  markExample(item?.example ? item.number : -1);
  $("strength").value = 100;
  if (item?.result && !item.example && item.model !== model.id) useModel(modelOf(item));
  if (item?.result && !item.example) controls.set(item.settings);
  if (!item) return openExample(0, true);
  setStrength();
  draw();
  if (session.items.includes(item)) bringIn(item);
}

function remove(item) {
  const had = item.row.contains(document.activeElement);
  const next = session.items[session.items.indexOf(item) + 1] ?? session.items.at(-2);
  session.remove(item);
  if (item === selected) select(next ?? null);
  if (had) (next?.tile ?? $("choose")).focus({ preventScroll: true });
}

function useModel(next) {
  model = next;
  $("model").value = model.id;
  document.title = `${words.does(model)} · i2i`;
  $("does").textContent = words.does(model);
  $("card").replaceChildren(...words.card(model, facts.limits).flatMap(([term, text]) => {
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    [dt.textContent, dd.textContent] = [term, text];
    return [dt, dd];
  }));
  controls.build(model.settings, () => draw());
  masks.build(model.pictures, () => selected, (_, wrong) => (wrong ? say(wrong) : draw()));
  drawExamples(model.examples, (number) => openExample(number));
}

/** An example of the model, with its translation, which the server has made once for everybody. */
async function openExample(number, byItself = false) {
  const example = model.examples[number];
  if (!example) return draw();
  const of = model;
  const bytes = (path) => fetch(path).then((answer) => (answer.ok ? answer.blob() : null));
  const before = bytes(example.picture);
  const after = bytes(example.after).catch(() => null);
  const blob = await before.catch(() => null);
  if (!blob) return say("The examples cannot be shown just now.");
  if (of !== model) return;
  const item = { ...makeItem(new Blob([blob], { type: blob.type }), example.name), example: true, number, model: of.id, settings: controls.defaults() };
  Object.assign(item, await pixels.open(item.shown), { state: "ready" });
  if (byItself && session.items.includes(selected)) return; // a picture came meanwhile
  item.making = true;
  select(item);
  const result = await after;
  item.making = false;
  if (selected !== item) return;
  if (!result) return draw();
  item.result = { blob: result, url: URL.createObjectURL(result), seconds: 0, ...(await pixels.pngSize(result)) };
  if (selected === item) draw(item);
}

async function take(files) {
  if (!(await started)) return; // what is dropped while the page comes waits for it
  const first = session.items.length;
  const adding = session.add(files);
  selected = session.items[first] ?? selected;
  const { added, refused } = await adding;
  if (added.length && !session.items.slice(first).includes(selected)) selected = added[0];
  if (!session.items.includes(selected) && !selected?.example) selected = session.items.at(-1) ?? null;
  if (refused.length) say(refused.length === 1 ? refused[0] : `${refused[0]} (and ${refused.length - 1} more)`);
  select(added[0] ?? selected);
  if (added.length) $($("translate-all").hidden ? "translate" : "translate-all").focus({ preventScroll: true });
}

function setStrength() {
  $("strength-is").textContent = `${$("strength").value} %`;
  stage.setStrength(+$("strength").value / 100);
  if (selected) drawResult(selected, modelOf(selected));
}

function go(items) {
  const lacks = items.map(masks.lacking).find(Boolean);
  if (lacks) return say(`This model takes a ${lacks} as well: paint it, or choose a file.`);
  const [item] = session.translate(items, model, controls.values());
  if (item) select(item);
}

const openOnes = () => session.items.filter((item) => ["ready", "failed"].includes(item.state) && !session.isLarge(item, model));

function leave(event) {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if (session.running) session.cancel();
  else if (loupe.isOn()) loupe.close();
  else if (stage.isZoomed) stage.fit();
  else hush();
}

const ACTIONS = {
  translate: () => go([selected]),
  cancel: () => session.cancel(),
  "translate-all": () => go(openOnes()),
  "download-all": async () => save(await session.archive(), "translated.zip"),
  clear: () => {
    for (const item of [...session.items]) session.remove(item);
    select(null);
    $("choose").focus({ preventScroll: true });
  },
  "offer-act": async () => {
    if (selected.state === "failed") return go([selected]);
    $("offer-act").disabled = true;
    await session.fit(selected, model);
    $("offer-act").disabled = false;
    draw();
  },
  download: (event) => download(event, selected, stage),
  "round-trip": async () => {
    const item = selected;
    await roundTrip(item, modelOf(item).back);
    if (item === selected) draw(item);
  },
  "show-code": () => showCode(selected, facts.asks_for_key),
  "zoom-in": () => stage.zoom(stage.view.scale * 1.4),
  "zoom-out": () => stage.zoom(stage.view.scale / 1.4),
  fit: () => stage.size && stage.fit(),
  "one-to-one": () => stage.zoom(stage.exactScale),
};

function listen() {
  for (const [id, act] of Object.entries(ACTIONS)) $(id).addEventListener("click", act);
  $("model").addEventListener("change", () => {
    useModel(facts.models.find((each) => each.id === $("model").value));
    if (!selected || selected.example) openExample(0, true);
    else draw();
  });
  $("strength").addEventListener("input", setStrength);
  addEventListener("keydown", leave);
  addRatings(() => selected, () => stage.elements);
}

async function start() {
  try {
    facts = await load();
    document.getElementById("to-generate").hidden = !facts.models.some((each) => each.makes);
    facts.models = facts.models.filter((each) => !each.makes);
    if (!facts.models.length) return say("No model here translates pictures."), false;
  } catch (error) {
    say(words.refusal(error));
    return false;
  }
  session = new Session(facts, draw);
  offerKinds(facts.kinds);
  $("model").replaceChildren(...facts.models.map((each) => new Option(words.title(each), each.id)));
  $("model-row").hidden = facts.models.length < 2;
  useModel(facts.models[0]);
  listen();
  draw();
  document.body.classList.remove("loading");
  openExample(0, true);
  return true;
}

for (const button of document.querySelectorAll("button[aria-label]")) button.title = button.getAttribute("aria-label");
addTheme();
const started = start();
addIntake(take, say);
