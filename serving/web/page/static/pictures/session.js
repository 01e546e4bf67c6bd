// The pictures of this session and their translations. They live in this page alone, and go when it is closed.

import { preview, Refused, translate } from "../api.js";
import { list, refusal } from "../words.js";
import { kindOf } from "./intake.js";
import { firstFrame, open, pngSize, shrink, smaller } from "./pixels.js";
import { distinct, zip } from "./zip.js";

const target = (name) => `${name.replace(/\.[^.]+$/, "")}-translated.png`;

/** item: { name, blob, url, width, height, thumb, state, why, status, told, model, settings, target, result: { blob, url, seconds, width, height } } */
export function makeItem(blob, name) {
  return { name, blob, shown: blob, url: URL.createObjectURL(blob), state: "opening", target: target(name), settings: {} };
}

export class Session {
  constructor(facts, changed) {
    this.facts = facts;
    this.items = [];
    this.changed = changed;
    this.queue = [];
    this.running = null; // { item, abort, now, began, counted }, the last two in ms: when it and its present part began
    this.pace = new Map(); // seconds a pixel, by model, of the last picture
  }

  /** The most pixels that `model` takes here. */
  limit(model) {
    const { pixels, result_pixels: result } = this.facts.limits;
    return Math.min(pixels, model.scale > 1 ? result / model.scale ** 2 : Infinity);
  }

  isLarge(item, model) {
    return item.width * item.height > this.limit(model) || item.blob.size > this.facts.limits.bytes;
  }

  /** Take files in; gives the items that came, and a sentence about each that did not, or not as it was. */
  async add(files) {
    const added = [];
    const refused = [];
    for (const file of files) {
      const item = makeItem(file, file.name || "picture.png");
      this.items.push(item);
      this.changed();
      try {
        await this.open(item);
        added.push(item);
        if (item.told) refused.push(item.told);
      } catch (error) {
        refused.push(error.message);
        this.remove(item);
      }
      this.changed();
    }
    return { added, refused };
  }

  async open(item) {
    let kind;
    try {
      kind = await kindOf(item.blob, this.facts.kinds);
    } catch {
      throw new Error(`“${item.name}” cannot be read: a folder, or a file that is gone.`);
    }
    if (!kind) {
      const titles = this.facts.kinds.filter((each) => each.common).map((each) => each.title);
      throw new Error(`“${item.name}” is not a picture that can be read here. ${list(titles)} can.`);
    }
    try {
      Object.assign(item, await open(item.shown));
      const moving = await firstFrame(item.blob).catch(() => null);
      if (moving) this.still(item, moving);
    } catch {
      if (kind.shown) throw new Error(`“${item.name}” is damaged or cut short.`);
      try {
        item.shown = await preview(item.blob); // the browser does not know this kind, the server does
        URL.revokeObjectURL(item.url);
        item.url = URL.createObjectURL(item.shown);
        Object.assign(item, await open(item.shown));
      } catch (error) {
        throw new Error(`“${item.name}”: ${error instanceof Refused ? refusal(error) : "it cannot be shown."}`);
      }
    }
    item.state = "ready";
  }

  still(item, { frames, still }) {
    item.told = `“${item.name}” is an animation of ${frames} pictures: its first one is taken.`;
    item.shown = item.blob = still;
    item.name = item.name.replace(/(\.[^.]*)?$/, ".png");
    URL.revokeObjectURL(item.url);
    item.url = URL.createObjectURL(still);
  }

  /** Make a picture that is too large for `model` smaller, here in the browser. */
  async fit(item, model) {
    item.shown = item.blob = await shrink(item.shown, smaller(item, this.limit(model)), this.facts.limits.bytes);
    URL.revokeObjectURL(item.url);
    item.url = URL.createObjectURL(item.blob);
    Object.assign(item, await open(item.blob));
    this.changed();
  }

  /** Have items translated one after the other; one that has been by another model or setting stays as history. */
  translate(items, model, settings) {
    const wanted = items.map((item) => {
      const other = item.result && (item.model !== model.id || item.used !== item.beside || JSON.stringify(item.settings) !== JSON.stringify(settings));
      const fresh = other || item.example ? { ...makeItem(item.blob, item.name), shown: item.shown, width: item.width, height: item.height, thumb: item.thumb, beside: item.beside, painted: item.painted } : item;
      if (fresh !== item && item.shown !== item.blob) fresh.url = URL.createObjectURL(item.shown);
      if (!this.items.includes(fresh)) this.items.push(fresh);
      Object.assign(fresh, { state: "waiting", why: null, status: null, model: model.id, settings, used: fresh.beside, result: null, trip: null });
      return fresh;
    });
    this.queue.push(...wanted);
    this.changed();
    if (!this.running) this.work();
    return wanted;
  }

  async work() {
    while (this.queue.length) {
      const item = this.queue.shift();
      const abort = new AbortController();
      this.running = { item, abort, now: { state: "running" }, began: null, counted: null };
      item.state = "running";
      this.changed();
      const clock = setInterval(() => this.tell(this.running.now), 500);
      try {
        const { blob, seconds } = await this.ask(item, abort.signal);
        item.result = { blob, url: URL.createObjectURL(blob), seconds, ...(await pngSize(blob)) };
        item.state = "done";
        if (this.running.began) this.pace.set(item.model, (performance.now() - this.running.began) / 1000 / (item.width * item.height));
      } catch (error) {
        const left = error.name === "AbortError";
        item.state = left ? "ready" : "failed";
        item.status = error.status ?? null;
        item.why = left ? null : error instanceof Refused ? refusal(error) : "The result cannot be shown.";
      }
      clearInterval(clock);
      this.running = null;
      this.changed(item);
    }
  }

  /** A translation; where the server is full, again when it says so. */
  async ask(item, signal) {
    for (;;) {
      try {
        return await translate(item.blob, item.model, item.settings, { signal, tell: (now) => this.tell(now), beside: item.used });
      } catch (error) {
        if (error.status !== 429) throw error;
        for (let left = Math.max(1, error.wait); left > 0; left--) {
          this.tell({ state: "busy", place: left });
          await new Promise((resolve) => setTimeout(resolve, 1000));
          if (signal.aborted) throw new DOMException("cancelled", "AbortError");
        }
      }
    }
  }

  tell(now) {
    const { running } = this;
    if (!running) return;
    if (now.state !== "running") running.began = null;
    else running.began ??= performance.now();
    if (now.done !== running.now.done) running.counted = performance.now();
    running.now = { ...now, ...this.forecast(now) };
    this.changed();
  }

  /** Seconds that the running picture took and will take: by its parts so far, else by the pace of the one before. */
  forecast({ state, done, total }) {
    const { item, began, counted } = this.running;
    if (state !== "running") return {};
    const whole = total > 1 && done
      ? ((counted - began) / 1000 / done) * total
      : (this.pace.get(item.model) ?? 0) * item.width * item.height;
    const spent = (performance.now() - began) / 1000;
    return whole ? { spent, left: Math.max(0, whole - spent) } : {};
  }

  cancel() {
    for (const item of this.queue.splice(0)) item.state = "ready";
    this.running?.abort.abort();
    this.changed();
  }

  remove(item) {
    if (this.running?.item === item) this.running.abort.abort();
    this.queue = this.queue.filter((each) => each !== item);
    this.items = this.items.filter((each) => each !== item);
    for (const url of [item.url, item.result?.url, item.trip?.url]) if (url) URL.revokeObjectURL(url);
    this.changed();
  }

  /** Every result and a report, as one zip. */
  async archive() {
    const done = this.items.filter((item) => item.result);
    const names = distinct(done.map((item) => item.target));
    const report = this.items.map((item) => ({
      source: item.name, file: item.result ? names[done.indexOf(item)] : null, status: item.result ? "done" : item.state,
      ...(item.why ? { error: item.why } : {}), model: item.model ?? null, settings: item.settings,
      ...(item.result ? { width: item.result.width, height: item.result.height, seconds: +item.result.seconds.toFixed(2) } : {}),
    }));
    const text = JSON.stringify({ made: new Date().toISOString(), files: report }, null, 1);
    return zip([...done.map((item, n) => ({ name: names[n], blob: item.result.blob })), { name: "report.json", blob: new Blob([text]) }]);
  }
}
