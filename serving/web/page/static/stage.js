// The stage: before and after on one another, a slider between them, zoom and pan.
//
// Both are elements (img or canvas) that are drawn at the size of "after". `view` maps its pixels to the stage's:
// x = left + pixel * scale. The slider's place is a share of the stage's width, so it stays put while one zooms.

const $ = (id) => document.getElementById(id);
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

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
    this.fingers = new Map();
    this.listen();
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
    for (const element of Object.values(this.elements).filter(Boolean))
      element.style.transform = `translate(${this.view.left}px, ${this.view.top}px) scale(${scale})`;
    for (const pane of Object.values(this.panes)) pane.classList.toggle("exact", this.isZoomed && scale > 1.001 * this.exactScale);
    this.stage.classList.toggle("zoomed", this.isZoomed);
    this.cut();
    this.onView(this);
  }

  get isZoomed() {
    return Boolean(this.size) && this.view.scale > this.fitScale * 1.001;
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
    const at = `${this.share * 100}%`;
    const whole = Math.round(this.share * 100);
    this.slider.style.transform = `translateX(${this.share * this.stage.clientWidth}px)`; // moves nothing else
    this.slider.setAttribute("aria-valuenow", whole);
    this.slider.setAttribute("aria-valuetext", `${whole} % of the width shows before, ${100 - whole} % after`);
    this.panes.after.style.clipPath = `inset(0 0 0 ${at})`;
    this.panes.after.style.opacity = this.strength;
    const covered = this.elements?.after && this.strength === 1; // a see-through "after" shows no "before" behind it
    this.panes.before.style.clipPath = covered ? `inset(0 ${100 - this.share * 100}% 0 0)` : "none";
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

  listen() {
    const { stage, slider } = this;
    stage.addEventListener("pointerdown", (event) => this.press(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
      stage.addEventListener(end, (event) => this.release(event));
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("dblclick", (event) => {
      if (!this.size || event.target.closest("#slider, #offer")) return;
      const { left, top } = stage.getBoundingClientRect();
      if (this.isZoomed) this.fit();
      else this.zoom(Math.max(this.exactScale, 2 * this.fitScale), event.clientX - left, event.clientY - top);
    });
    slider.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const step = event.shiftKey ? 0.1 : 0.01;
    const keys = {
      ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step,
      PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1,
    };
    const zooms = { "+": 1.25, "=": 1.25, "-": 0.8 };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in keys) {
      this.revealing = null;
      this.setShare(this.share + keys[event.key]);
    } else if (event.key in zooms) this.zoom(this.view.scale * zooms[event.key]);
    else if (event.key === "0" && this.size) this.fit();
    else return;
    event.preventDefault();
  }

  press(event) {
    if (!this.size || event.button !== 0 || event.target.closest("#offer")) return;
    this.revealing = null;
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.stage.setPointerCapture?.(event.pointerId);
    const onHandle = Boolean(event.target.closest("#slider"));
    const slides = this.elements.after && (onHandle || !this.isZoomed);
    this.drag = this.fingers.size > 1 ? "pinch" : slides && !this.loupeTakes?.(event) ? "slide" : "pan";
    this.stage.classList.add("moving");
    if (onHandle) this.slider.focus({ preventScroll: true });
    if (this.drag === "slide" && event.pointerType === "mouse") this.slideTo(event);
  }

  move(event) {
    const finger = this.fingers.get(event.pointerId);
    if (!finger) return;
    const now = { x: event.clientX, y: event.clientY };
    if (this.drag === "pinch") this.pinch(event.pointerId, now);
    else if (this.drag === "slide") this.slideTo(event);
    else if (this.isZoomed) this.pan(now.x - finger.x, now.y - finger.y);
    this.fingers.set(event.pointerId, now);
  }

  release(event) {
    this.fingers.delete(event.pointerId);
    if (this.fingers.size === 0) this.stage.classList.remove("moving");
    if (this.fingers.size === 1 && this.drag === "pinch") this.drag = "pan";
  }

  slideTo(event) {
    const { left, width } = this.stage.getBoundingClientRect();
    this.setShare((event.clientX - left) / width);
  }

  pinch(id, now) {
    const [other] = [...this.fingers].filter(([each]) => each !== id).map(([, place]) => place);
    const before = this.fingers.get(id);
    if (!other) return;
    const apart = (place) => Math.hypot(place.x - other.x, place.y - other.y);
    const { left, top } = this.stage.getBoundingClientRect();
    const middle = { x: (now.x + other.x) / 2 - left, y: (now.y + other.y) / 2 - top };
    this.zoom((this.view.scale * apart(now)) / Math.max(1, apart(before)), middle.x, middle.y);
    if (this.isZoomed) this.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  }

  wheel(event) {
    if (!this.size || event.target.closest("#offer")) return;
    event.preventDefault();
    const { left, top } = this.stage.getBoundingClientRect();
    const speed = event.ctrlKey ? 0.01 : 0.0015; // a pinch on a touch pad comes as a wheel with Ctrl
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.zoom(this.view.scale * Math.exp(-event.deltaY * lines * speed), event.clientX - left, event.clientY - top);
  }
}
