// The stage: before and after on one another, a slider between them, zoom and pan.
//
// Both are elements (img or canvas) that are drawn at the size of "after". `view` maps its pixels to the stage's:
// x = left + pixel * scale. The slider goes over what is seen of the picture; its place is a share of that.

import { addGestures, clamp } from "./gestures.js";

const $ = (id) => document.getElementById(id);
const LEAST_WAY = 240; // pixels of the screen that the slider goes, however thin the picture is
const CELL = 10; // pixels of the screen a side of the checkerboard's squares, which lies beneath what is transparent

export class Stage {
  constructor(onView) {
    this.stage = $("stage");
    this.slider = $("slider");
    this.panes = { before: $("before"), after: $("after") };
    this.size = null; // { width, height } of "after"
    this.view = { scale: 1, left: 0, top: 0 };
    this.share = 0.5;
    this.strength = 1;
    this.onView = onView;
    addGestures(this);
    new ResizeObserver(() => this.size && this.fit()).observe(this.stage);
  }

  /** Show two elements of the picture, `after` may be null; `size` is that of "after" in pixels. */
  show(before, after, size, { keepView = false, reveal = false } = {}) {
    const same = keepView && this.size && this.size.width === size.width && this.size.height === size.height;
    this.size = size;
    this.elements = { before, after };
    for (const [name, pane] of Object.entries(this.panes)) pane.replaceChildren(...[this.elements[name]].filter(Boolean));
    for (const element of [before, after].filter(Boolean)) {
      element.style.width = `${size.width}px`;
      element.style.height = `${size.height}px`;
    }
    this.stage.classList.remove("empty");
    this.slider.hidden = !after;
    if (same) this.place();
    else this.fit();
    if (after && reveal) this.reveal();
  }

  /** Show another element, of the same picture, in the place of "before". */
  replaceBefore(element) {
    if (element !== this.elements.before) this.show(element, this.elements.after, this.size, { keepView: true });
  }

  clear() {
    this.size = this.elements = null;
    for (const pane of Object.values(this.panes)) pane.replaceChildren();
    this.slider.hidden = true;
    this.stage.classList.add("empty");
    this.onView(this);
  }

  get fitScale() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    return Math.min(width / this.size.width, height / this.size.height);
  }

  /** A pixel of the picture is a pixel of the screen. */
  get exactScale() {
    return 1 / window.devicePixelRatio;
  }

  fit() {
    const scale = this.fitScale;
    const { clientWidth: width, clientHeight: height } = this.stage;
    this.view = { scale, left: (width - this.size.width * scale) / 2, top: (height - this.size.height * scale) / 2 };
    this.place();
  }

  /** Zoom to `scale`, the point of the stage at (x, y) staying where it is. */
  zoom(scale, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    if (!this.size) return;
    const low = Math.min(this.fitScale, this.exactScale);
    scale = clamp(scale, low, Math.max(16 * this.exactScale, 8 * this.fitScale));
    const by = scale / this.view.scale;
    this.view = { scale, left: x - (x - this.view.left) * by, top: y - (y - this.view.top) * by };
    this.place();
  }

  pan(dx, dy) {
    this.view.left += dx;
    this.view.top += dy;
    this.place();
  }

  /** Keep the picture over the stage, and put both elements there. */
  place() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const { scale } = this.view;
    const keep = (start, length, room) => (length <= room ? (room - length) / 2 : clamp(start, room - length, 0));
    this.view.left = keep(this.view.left, this.size.width * scale, width);
    this.view.top = keep(this.view.top, this.size.height * scale, height);
    for (const element of Object.values(this.elements).filter(Boolean)) {
      element.style.transform = `translate(${this.view.left}px, ${this.view.top}px) scale(${scale})`;
      element.style.backgroundSize = `${(2 * CELL) / scale}px ${(2 * CELL) / scale}px`;
    }
    for (const pane of Object.values(this.panes)) pane.classList.toggle("exact", this.isZoomed && scale > 1.001 * this.exactScale);
    this.stage.classList.toggle("zoomed", this.isZoomed);
    this.cut();
    this.onView(this);
  }

  get isZoomed() {
    return Boolean(this.size) && this.view.scale > this.fitScale * 1.001;
  }

  /** What the slider goes over, in the stage's pixels: { left, right, top, bottom }. */
  get way() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (!this.size) return { left: 0, right: width, top: 0, bottom: height };
    const { scale, left, top } = this.view;
    const [from, to] = [Math.max(0, left), Math.min(width, left + this.size.width * scale)];
    const more = Math.max(0, Math.min(width, LEAST_WAY) - (to - from)) / 2;
    return { left: from - more, right: to + more, top: Math.max(0, top), bottom: Math.min(height, top + this.size.height * scale) };
  }

  setShare(share) {
    this.share = clamp(share, 0, 1);
    this.cut();
  }

  setStrength(strength) {
    this.strength = strength;
    this.cut();
  }

  cut() {
    const { left, right, top, bottom } = this.way;
    const at = left + this.share * (right - left);
    const whole = Math.round(this.share * 100);
    this.slider.style.transform = `translateX(${at}px)`; // moves nothing else
    this.slider.style.setProperty("--line", `inset(${top}px 0 ${this.stage.clientHeight - bottom}px)`);
    this.slider.setAttribute("aria-valuenow", whole);
    this.slider.setAttribute("aria-valuetext", `${whole} % of the width shows before, ${100 - whole} % after`);
    this.panes.after.style.clipPath = `inset(0 0 0 ${at}px)`;
    this.panes.after.style.opacity = this.strength;
    const covered = this.elements?.after && this.strength === 1; // a see-through "after" shows no "before" behind it
    this.panes.before.style.clipPath = covered ? `inset(0 ${this.stage.clientWidth - at}px 0 0)` : "none";
  }

  /** "After" comes in from the right, to the middle. */
  reveal() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.setShare(0.5);
    const start = performance.now();
    const run = (this.revealing = (now) => {
      if (run !== this.revealing) return; // somebody took the handle
      const t = clamp((now - start) / 700, 0, 1);
      this.setShare(1 - 0.5 * (1 - (1 - t) ** 3));
      if (t < 1) requestAnimationFrame(run);
      else this.revealing = null;
    });
    run(start);
  }
}
