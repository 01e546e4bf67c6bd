// Thumbs up and down: kept in this browser, once its user says so, and given out as a file. Nothing is sent.

import { link, say } from "../notices.js";

const $ = (id) => document.getElementById(id);
const KEPT = "i2i-ratings";
let refused = false; // for this visit

const read = () => {
  try {
    return JSON.parse(localStorage.getItem(KEPT)); // null: nobody said yes
  } catch {
    return null;
  }
};

const small = (element) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 96, height: 96 });
  canvas.getContext("2d").drawImage(element, 0, 0, 96, 96);
  return canvas.toDataURL("image/jpeg", 0.8);
};

/** `current()` gives the item on the screen, `elements()` what the stage shows of it. */
export function addRatings(current, elements) {
  const rate = (good) => {
    const item = current();
    if (!item?.result) return;
    item.rated = item.rated === good ? undefined : good;
    draw(item);
    if (item.rated === undefined) return;
    const { before, after } = elements();
    const row = { when: new Date().toISOString(), model: item.model, settings: item.settings, picture: item.name, good, before: small(before), after: small(after) };
    const kept = read();
    if (kept) return keep([...kept, row]);
    if (refused) return;
    const asked = say(
      "Keep your ratings in this browser alone, each with two tiny pictures? Nothing is sent. ",
      link("Keep", () => { asked.remove(); keep([...(read() ?? []), row]); }), " ",
      link("No", () => { asked.remove(); refused = true; }),
    );
  };
  $("thumb-up").addEventListener("click", () => rate(true));
  $("thumb-down").addEventListener("click", () => rate(false));
  tell();
}

function keep(ratings) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(ratings));
    tell();
  } catch {
    say("This browser keeps nothing more.");
  }
}

/** How many there are, and what may be done with them. */
function tell() {
  const kept = read() ?? [];
  const count = `${kept.length} rating${kept.length === 1 ? "" : "s"} kept in this browser. `;
  $("ratings").replaceChildren(count, link("Save as a file", save), " ", link("Forget all", forget));
  $("ratings").hidden = !kept.length;
}

function save() {
  const url = URL.createObjectURL(new Blob([JSON.stringify(read(), null, 1)], { type: "application/json" }));
  Object.assign(document.createElement("a"), { href: url, download: "ratings.json" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

function forget() {
  localStorage.removeItem(KEPT);
  tell();
  say("Your ratings are forgotten.");
}

/** Show what this item was rated. */
export function draw(item) {
  $("thumb-up").setAttribute("aria-pressed", String(item?.rated === true));
  $("thumb-down").setAttribute("aria-pressed", String(item?.rated === false));
}
