// What one has of a result: its facts, the download at any strength, the round trip, the code.

import { translate } from "../api.js";
import { say } from "../notices.js";
import * as pixels from "../pictures/pixels.js";
import * as words from "../words.js";
import * as ratings from "./ratings.js";

const $ = (id) => document.getElementById(id);

const percent = () => +$("strength").value;

/** Show what there is of `item`, which may be null; `model` is the one that it is by. */
export function drawResult(item, model) {
  const result = item?.result;
  $("result").inert = $("download").inert = !result; // and keep their room, so that nothing moves when it comes
  $("strength").disabled = !result;
  $("round-trip").hidden = !model.back;
  ratings.draw(item);
  if (!result) return void ($("took").textContent = "Not translated yet");
  const trip = item.trip?.shown ? item.trip : null;
  if (trip) $("took").textContent = words.trip(trip);
  else $("took").textContent = item.example ? `An example, ${words.sides(result)}` : words.took({ ...result, bytes: result.blob.size });
  $("download").querySelector("span").textContent = percent() === 100 ? "Download" : `Download ${percent()} %`;
  $("download").href = result.url;
  $("download").download = item.target;
  $("round-trip").setAttribute("aria-pressed", String(Boolean(trip)));
}

/** A click on the link: at full strength it gives the server's very bytes by itself. */
export async function download(event, item, { elements, size }) {
  if (percent() === 100) return;
  event.preventDefault();
  const { before, after } = elements;
  save(await pixels.blend(before, after, percent() / 100, size), item.target.replace(/\.png$/, `-${percent()}.png`));
}

export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

/** Translate the result back, by the model `back` of the other direction, or show again what there is of that. */
export async function roundTrip(item, back) {
  if (item.trip) return void (item.trip.shown = !item.trip.shown);
  $("round-trip").disabled = true;
  try {
    const { blob } = await translate(item.result.blob, back, {});
    const trip = { blob, url: URL.createObjectURL(blob), ...(await pixels.pngSize(blob)), shown: true };
    const [first, last] = await Promise.all([pixels.image(item.url), pixels.image(trip.url)]);
    item.trip = { ...trip, error: pixels.difference(first, last, item) };
  } catch (error) {
    say(words.refusal(error));
  }
  $("round-trip").disabled = false;
}
