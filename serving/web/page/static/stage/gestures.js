// How the stage is moved: by mouse, fingers, wheel and keys.

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

const SHARES = {
  ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1,
};
const ZOOMS = { "+": 1.25, "=": 1.25, "-": 0.8 };
const PANS = { a: [60, 0], d: [-60, 0], w: [0, 60], s: [0, -60] }; // pixels; the arrows are the slider's

/** Have `stage` (a Stage) follow its user. */
export function addGestures(stage) {
  const { stage: area, slider } = stage;
  const fingers = new Map();
  let drag = ""; // slide, pan or pinch

  const press = (event) => {
    if (!stage.size || event.button !== 0 || event.target.closest("#offer")) return;
    stage.revealing = null;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    area.setPointerCapture?.(event.pointerId);
    const onHandle = Boolean(event.target.closest("#slider"));
    const slides = stage.elements.after && (onHandle || !stage.isZoomed);
    drag = fingers.size > 1 ? "pinch" : slides && !stage.loupeTakes?.(event) ? "slide" : "pan";
    area.classList.add("moving");
    if (onHandle) slider.focus({ preventScroll: true });
    if (drag === "slide" && event.pointerType === "mouse" && !onHandle) slideTo(event);
  };

  const move = (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    const now = { x: event.clientX, y: event.clientY };
    if (drag === "pinch") pinch(event.pointerId, now);
    else if (drag === "slide") slideTo(event);
    else if (stage.isZoomed) stage.pan(now.x - finger.x, now.y - finger.y);
    fingers.set(event.pointerId, now);
  };

  const release = (event) => {
    fingers.delete(event.pointerId);
    if (fingers.size === 0) area.classList.remove("moving");
    if (fingers.size === 1 && drag === "pinch") drag = "pan";
  };

  const slideTo = (event) => {
    const { left, right } = stage.way;
    stage.setShare((event.clientX - area.getBoundingClientRect().left - left) / (right - left));
  };

  const pinch = (id, now) => {
    const [other] = [...fingers].filter(([each]) => each !== id).map(([, place]) => place);
    const before = fingers.get(id);
    if (!other) return;
    const apart = (place) => Math.hypot(place.x - other.x, place.y - other.y);
    const { left, top } = area.getBoundingClientRect();
    const middle = { x: (now.x + other.x) / 2 - left, y: (now.y + other.y) / 2 - top };
    stage.zoom((stage.view.scale * apart(now)) / Math.max(1, apart(before)), middle.x, middle.y);
    if (stage.isZoomed) stage.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  };

  const wheel = (event) => {
    if (!stage.size || event.target.closest("#offer")) return;
    if (event.deltaY > 0 && !event.ctrlKey && !stage.isZoomed) return; // nothing to zoom out of: the page scrolls
    event.preventDefault();
    const { left, top } = area.getBoundingClientRect();
    const speed = event.ctrlKey ? 0.01 : 0.0015; // a pinch on a touch pad comes as a wheel with Ctrl
    const lines = event.deltaMode === 1 ? 16 : 1;
    stage.zoom(stage.view.scale * Math.exp(-event.deltaY * lines * speed), event.clientX - left, event.clientY - top);
  };

  const key = (event) => {
    if (!stage.size || event.ctrlKey || event.metaKey || event.altKey) return;
    const letter = event.key.toLowerCase();
    if (event.key in SHARES) {
      stage.revealing = null;
      stage.setShare(stage.share + SHARES[event.key] * (event.shiftKey ? 10 : 1));
    } else if (event.key in ZOOMS) stage.zoom(stage.view.scale * ZOOMS[event.key]);
    else if (letter in PANS && stage.isZoomed) stage.pan(...PANS[letter]);
    else if (event.key === "0") stage.fit();
    else return;
    event.preventDefault();
  };

  area.addEventListener("pointerdown", press);
  area.addEventListener("pointermove", move);
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) area.addEventListener(end, release);
  area.addEventListener("wheel", wheel, { passive: false });
  area.addEventListener("dblclick", (event) => {
    if (!stage.size || event.target.closest("#slider, #offer")) return;
    const { left, top } = area.getBoundingClientRect();
    if (stage.isZoomed) stage.fit();
    else stage.zoom(Math.max(stage.exactScale, 2 * stage.fitScale), event.clientX - left, event.clientY - top);
  });
  slider.addEventListener("keydown", key);
}
