// Thumbs up and down: kept in this browser, once its user says so, and given out as a file. Nothing is sent.

const $ = (id) => document.getElementById(id);
const KEPT = "i2i-ratings";

const read = () => {
  try {
    return JSON.parse(localStorage.getItem(KEPT)); // null: nobody said yes
  } catch {
    return null;
  }
};
const write = (ratings) => {
  try {
    localStorage.setItem(KEPT, JSON.stringify(ratings));
    return true;
  } catch {
    return false; // no room, or not allowed
  }
};

function link(words, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = words;
  button.addEventListener("click", act);
  return button;
}

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
    if (kept) keep([...kept, row]);
    else say("Keep this rating, with two tiny pictures, in this browser alone? ", link("Keep", () => keep([row])));
  };
  const keep = (ratings) => {
    if (!write(ratings)) return say("This browser keeps nothing more.");
    say(`${ratings.length} kept in this browser. `, link("Save as a file", save), " · ", link("Forget all", forget));
  };
  const save = () => {
    const url = URL.createObjectURL(new Blob([JSON.stringify(read(), null, 1)], { type: "application/json" }));
    Object.assign(document.createElement("a"), { href: url, download: "ratings.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  const forget = () => {
    localStorage.removeItem(KEPT);
    say("Forgotten.");
  };
  $("thumb-up").addEventListener("click", () => rate(true));
  $("thumb-down").addEventListener("click", () => rate(false));
}

function say(...words) {
  $("ratings").replaceChildren(...words);
  $("ratings").hidden = false;
}

/** Show what this item was rated. */
export function draw(item) {
  $("thumb-up").setAttribute("aria-pressed", String(item?.rated === true));
  $("thumb-down").setAttribute("aria-pressed", String(item?.rated === false));
}
