// Asks the server for pictures, and draws them. A pick is what a request has of one picture: seed, number, settings …

import { Refused, VISIT } from "../api.js";

/** A sheet of pictures: { blob, image, columns, latent }, the last of one picture alone. `asked` is the request's JSON. */
export async function generate(model, asked) {
  const answer = await fetch(`v1/generate?model=${encodeURIComponent(model.id)}`, {
    method: "POST",
    body: JSON.stringify(asked),
    headers: { "content-type": "application/json", "x-session-id": VISIT },
  });
  if (!answer.ok) throw new Refused(answer.status, (await answer.json().catch(() => ({}))).error ?? "");
  const blob = await answer.blob();
  return { blob, image: await createImageBitmap(blob), columns: Number(answer.headers.get("x-columns")), latent: answer.headers.get("x-latent") };
}

/** Draw the picture at a place of a sheet. */
export function draw(canvas, model, sheet, place = 0) {
  const [channels, height, width] = model.makes.size;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  canvas.classList.toggle("fine", Math.max(width, height) >= 256);
  canvas.classList.toggle("clear", channels === 4);
  const context = canvas.getContext("2d");
  const [x, y] = [(place % sheet.columns) * width, Math.floor(place / sheet.columns) * height];
  context.clearRect(0, 0, width, height);
  context.drawImage(sheet.image, x, y, width, height, 0, 0, width, height);
}

/** Runs `work` for the newest of what is asked, one at a time: what came between is left out. */
export function latest(work) {
  let waiting = null;
  let running = false;
  return async function ask(...what) {
    waiting = what;
    if (running) return;
    running = true;
    try {
      while (waiting) {
        const now = waiting;
        waiting = null;
        await work(...now);
      }
    } finally {
      running = false;
    }
  };
}

/** The pick as a request has it: without what is as usual. */
export function plain(pick) {
  const told = { seed: pick.seed, number: pick.number };
  if (pick.truncation !== null) told.truncation = pick.truncation;
  if (Object.keys(pick.settings).length) told.settings = pick.settings;
  return told;
}

/** `seed 3, number 7, class 4` */
export function name(pick, model) {
  const label = model.makes.label;
  const parts = [`seed ${pick.seed}`, `number ${pick.number}`];
  if (label) parts.push(`class ${pick.settings[label.name] ?? label.choices[pick.number % label.choices.length]}`);
  return parts.join(", ");
}
