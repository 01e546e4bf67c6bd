// The page: what is shown for which state. The session holds the pictures, the stage shows two of them.

import { load, translate } from "./api.js";
import * as controls from "./controls.js";
import { addIntake } from "./intake.js";
import { addLoupe } from "./loupe.js";
import * as pixels from "./pixels.js";
import * as ratings from "./ratings.js";
import { makeItem, Session } from "./session.js";
import { showCode } from "./snippets.js";
import { Stage } from "./stage.js";
import { drawExamples, drawItems, markExample } from "./strip.js";
import * as words from "./words.js";

const $ = (id) => document.getElementById(id);
let facts, session, model;
let selected = null; // an item of the session, or an example that is looked at
let shown = null; // what the stage has: an item, its result, whether it is the round trip

const stage = new Stage(({ size, view, exactScale }) => {
  $("zoom").textContent = size ? `${Math.round((100 * view.scale) / exactScale)} %` : "";
});
addLoupe(stage);

function say(sentence) {
  const close = document.createElement("button");
  close.type = "button";
  close.setAttribute("aria-label", "Close");
  close.innerHTML = '<svg aria-hidden="true"><use href="#i-close"/></svg>';
  const notice = document.createElement("div");
  notice.append(sentence, close);
  close.addEventListener("click", () => notice.remove());
  setTimeout(() => notice.remove(), 12000);
  $("notices").replaceChildren(...[...$("notices").children].slice(-2), notice);
}

const modelOf = (item) => facts.models.find((each) => each.id === item.model) ?? model;

// What is shown

function draw(finished) {
  drawItems(session.items, selected, { choose: (item) => { $("notices").replaceChildren(); select(item); }, remove: (item) => { session.remove(item); if (item === selected) select(session.items.at(-1) ?? null); } });
  const running = session.running;
  const busy = Boolean(running);
  document.body.classList.toggle("arriving", !selected || Boolean(selected.example));
  $("translate").hidden = busy;
  $("cancel").hidden = !busy;
  const large = selected && selected.width && session.isLarge(selected, model);
  $("translate").disabled = !selected || selected.state === "opening" || large;
  const mine = busy && (running.item === selected || session.queue.includes(selected));
  $("progress").hidden = !mine;
  $("scan").hidden = !mine;
  if (mine) drawProgress(running.item === selected ? running.now : { state: "queued", place: session.queue.indexOf(selected) + 1 });
  drawOffer(large);
  if (finished && finished !== selected && selected?.state !== "done") selected = finished;
  drawResult();
  drawStage(finished === selected);
  if (finished?.why) say(finished.why);
}

function drawProgress(now) {
  $("stage-says").textContent = words.progress(now);
  const bar = $("progress").querySelector("progress");
  if (now.total > 1) [bar.max, bar.value] = [now.total, now.done];
  else bar.removeAttribute("value");
}

function drawOffer(large) {
  const failed = selected?.state === "failed";
  $("offer").hidden = !(large || failed);
  const [text, button] = $("offer").children;
  button.hidden = !large;
  if (failed) text.textContent = selected.why;
  if (!large) return;
  const size = pixels.smaller(selected, session.limit(model));
  const heavy = selected.width * selected.height <= session.limit(model);
  text.textContent = heavy
    ? `This file has ${(selected.blob.size / 1e6).toFixed(1)} MB; up to ${(facts.limits.bytes / 1e6).toFixed(1)} go through here.`
    : `This picture has ${words.megapixels(selected.width * selected.height)}; up to ${words.megapixels(session.limit(model))} go through here.`;
  button.textContent = heavy ? "Pack it smaller" : `Make it ${words.sides(size)}`;
}

function drawResult() {
  const result = selected?.result;
  $("result").inert = !result; // and keeps its room, so that nothing moves when it comes
  $("strength").disabled = !result;
  if (!result) return void ($("took").textContent = "Not translated yet");
  const strength = +$("strength").value / 100;
  $("took").textContent = selected.example ? `An example: ${words.sides(result)}` : words.took({ ...result, bytes: result.blob.size });
  $("download").querySelector("span").textContent = strength === 1 ? "Download in full quality" : `Download at ${$("strength").value} %`;
  $("download").href = result.url;
  $("download").download = selected.target;
  $("round-trip").hidden = !modelOf(selected).back;
  $("round-trip").setAttribute("aria-pressed", String(Boolean(selected.trip?.shown)));
  $("trip").hidden = !selected.trip?.shown;
  if (selected.trip) $("trip").textContent = `There and back it differs from the original by ${selected.trip.error.toFixed(1)} of 255 on average.`;
  ratings.draw(selected);
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
  const larger = result && size.width > item.width;
  const [before, after] = await Promise.all([
    larger ? pixels.enlarged(item.shown, by.scale, item.url) : pixels.image(item.url),
    result && pixels.image(result.url),
  ]);
  if (key !== shown) return; // another picture was chosen meanwhile
  $("backdrop").style.backgroundImage = `url("${item.thumb}")`;
  stage.show(before, after ?? null, size, { keepView: true, reveal: isNew || item.example });
  Object.assign($("stage").dataset, { picture: item.name, shows: isBack ? "back" : result ? "after" : "before" });
  const [left, right] = words.ends(by, item.example, isBack);
  $("left-is").textContent = left;
  $("right-is").textContent = result ? right : "";
  $("sizes").textContent = larger ? `${words.sides(item)} → ${words.sides(size)}` : words.sides(size);
  if (isNew && !item.example && innerWidth < 860) $("view").scrollIntoView({ behavior: "smooth", block: "start" });
}

// What one does

function select(item) {
  selected = item;
  markExample(item?.example ? item.number : -1);
  $("strength").value = 100;
  setStrength();
  if (item?.result && !item.example && item.model !== model.id) useModel(modelOf(item));
  if (item?.result) controls.set(item.settings);
  if (!item) return openExample(0, true);
  draw();
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
  controls.build(model.settings, () => {});
  drawExamples(model.examples, (number) => openExample(number));
}

/** An example of the model, with its translation, which the server has made once for everybody. */
async function openExample(number, byItself = false) {
  const example = model.examples[number];
  if (!example) return draw();
  const of = model;
  const bytes = (path) => fetch(path).then((answer) => (answer.ok ? answer.blob() : null));
  const before = bytes(example.picture);
  const after = bytes(example.after);
  const blob = await before;
  if (!blob || of !== model) return;
  const item = { ...makeItem(new Blob([blob], { type: blob.type }), example.name), example: true, number, model: of.id };
  Object.assign(item, await pixels.open(item.shown), { state: "ready" });
  if (byItself && session.items.includes(selected)) return; // a picture came meanwhile
  select(item);
  const result = await after.catch(() => null);
  if (!result || selected !== item) return;
  item.result = { blob: result, url: URL.createObjectURL(result), seconds: 0, ...(await pixels.pngSize(result)) };
  if (selected === item) draw(item);
}

async function take(files) {
  const first = session.items.length;
  const adding = session.add(files);
  selected = session.items[first] ?? selected;
  const { added, refused } = await adding;
  if (added.length && !session.items.slice(first).includes(selected)) selected = added[0];
  if (!session.items.includes(selected) && !selected?.example) selected = session.items.at(-1) ?? null;
  if (refused.length) say(refused.length === 1 ? refused[0] : `${refused[0]} (and ${refused.length - 1} more)`);
  if (added.length) $("translate").focus({ preventScroll: true });
  select(added[0] ?? selected);
}

function setStrength() {
  $("strength-is").textContent = `${$("strength").value} %`;
  stage.setStrength(+$("strength").value / 100);
  if (selected) drawResult();
}

async function download(event) {
  const strength = +$("strength").value / 100;
  if (strength === 1) return; // the link gives the server's very bytes
  event.preventDefault();
  const { before, after } = stage.elements;
  save(await pixels.blend(before, after, strength, stage.size), selected.target.replace(/\.png$/, `-${$("strength").value}.png`));
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

/** Translate the result back, by the model of the other direction, and say how far it is from the original. */
async function roundTrip() {
  const item = selected;
  if (item.trip) item.trip.shown = !item.trip.shown;
  else {
    $("round-trip").disabled = true;
    try {
      const { blob } = await translate(item.result.blob, modelOf(item).back, {});
      const trip = { blob, url: URL.createObjectURL(blob), ...(await pixels.pngSize(blob)), shown: true };
      const [first, last] = await Promise.all([pixels.image(item.url), pixels.image(trip.url)]);
      item.trip = { ...trip, error: pixels.difference(first, last, item) };
    } catch (error) {
      say(words.refusal(error));
    }
    $("round-trip").disabled = false;
  }
  drawResult();
  drawStage(true);
}

function go() {
  const [item] = session.translate([selected], model, controls.values());
  select(item);
}

function addTheme() {
  const themes = ["", "light", "dark"];
  const said = { "": "as the system has them", light: "light", dark: "dark" };
  const use = (theme) => {
    document.documentElement.dataset.theme = theme;
    $("theme").setAttribute("aria-label", `Colours: ${said[theme]}`);
    try { localStorage.setItem("i2i-theme", theme); } catch { /* not allowed: for this visit alone */ }
  };
  let now = "";
  try { now = localStorage.getItem("i2i-theme") ?? ""; } catch { /* likewise */ }
  use(themes.includes(now) ? now : "");
  $("theme").addEventListener("click", () => use(themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % 3]));
}

function listen() {
  addIntake(facts.kinds, take, say);
  $("translate").addEventListener("click", go);
  $("cancel").addEventListener("click", () => session.cancel());
  $("translate-all").addEventListener("click", () => {
    const open = session.items.filter((item) => ["ready", "failed"].includes(item.state) && !session.isLarge(item, model));
    const [item] = session.translate(open, model, controls.values());
    if (item) select(item);
  });
  $("download-all").addEventListener("click", async () => save(await session.archive(), "translated.zip"));
  $("clear").addEventListener("click", () => { for (const item of [...session.items]) session.remove(item); select(null); });
  $("model").addEventListener("change", () => {
    useModel(facts.models.find((each) => each.id === $("model").value));
    if (!selected || selected.example) openExample(0, true);
    draw();
  });
  $("offer").querySelector("button").addEventListener("click", async () => { await session.fit(selected, model); draw(); });
  $("strength").addEventListener("input", setStrength);
  $("download").addEventListener("click", download);
  $("round-trip").addEventListener("click", roundTrip);
  $("show-code").addEventListener("click", () => showCode(selected));
  $("zoom-in").addEventListener("click", () => stage.zoom(stage.view.scale * 1.4));
  $("zoom-out").addEventListener("click", () => stage.zoom(stage.view.scale / 1.4));
  $("fit").addEventListener("click", () => stage.size && stage.fit());
  $("one-to-one").addEventListener("click", () => stage.zoom(stage.exactScale));
  addEventListener("keydown", (event) => { if (event.key === "Escape" && session.running && !document.querySelector("dialog[open]")) session.cancel(); });
  ratings.addRatings(() => selected, () => stage.elements);
}

addTheme();
try {
  facts = await load();
  session = new Session(facts, draw);
  $("model").replaceChildren(...facts.models.map((each) => new Option(each.id, each.id)));
  $("model-row").hidden = facts.models.length < 2;
  useModel(facts.models[0]);
  listen();
  draw();
  document.body.classList.remove("loading");
  await openExample(0, true);
} catch (error) {
  say(words.refusal(error));
  console.error(error);
}
