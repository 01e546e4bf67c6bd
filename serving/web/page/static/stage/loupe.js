// The loupe: the same place of before and after, side by side. A pixel of the picture lies on a pixel of the screen, or
// on a square of them where the stage shows it as large already.

const loupe = document.getElementById("loupe");
const button = document.getElementById("use-loupe");
const MOST = 32; // pixels of the screen a side

export function addLoupe(stage) {
  const isOn = () => button.getAttribute("aria-pressed") === "true";
  const ends = document.getElementById("stage");
  let last = null; // where it was last, in the stage's pixels

  stage.loupeTakes = (event) => isOn() && event.pointerType !== "mouse" && !event.target.closest("#slider");
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(!isOn()));
    ends.classList.toggle("looking", isOn()); // a finger moves the loupe then, and not the page
    loupe.hidden = !isOn() || !stage.size;
    if (isOn() && stage.size) look({ x: stage.share * ends.clientWidth, y: ends.clientHeight / 2 });
  });
  const follow = (event) => {
    const { left, top } = ends.getBoundingClientRect();
    if (isOn() && stage.size) look({ x: event.clientX - left, y: event.clientY - top });
  };
  ends.addEventListener("pointermove", follow);
  ends.addEventListener("pointerdown", follow);
  ends.addEventListener("pointerleave", (event) => (loupe.hidden = event.pointerType === "mouse" || !isOn() || !stage.size));
  // Whoever uses the keyboard moves it with the slider.
  document.getElementById("slider").addEventListener("keyup", () => {
    if (isOn() && stage.size) look({ x: stage.share * ends.clientWidth, y: last?.y ?? ends.clientHeight / 2 });
  });

  function look(place) {
    last = place;
    const { scale, left, top } = stage.view;
    const by = scale / stage.exactScale; // device pixels a pixel of the picture, on the stage
    const times = by < 0.99 ? 1 : Math.min(MOST, Math.ceil(2 * by - 0.01));
    const sharp = Math.round((ends.clientWidth < 600 ? 130 : 190) * window.devicePixelRatio); // device pixels a side
    const side = sharp / window.devicePixelRatio;
    const pixels = sharp / times;
    const x = Math.round((place.x - left) / scale - pixels / 2);
    const y = Math.round((place.y - top) / scale - pixels / 2);
    loupe.hidden = false;
    loupe.dataset.times = times === 1 ? "1:1" : `${times}:1`;
    loupe.style.setProperty("--side", `${side}px`);
    const canvases = loupe.querySelectorAll("canvas");
    [stage.elements.before, stage.elements.after].forEach((element, n) => {
      canvases[n].hidden = !element;
      if (element) draw(canvases[n], element, x, y, pixels, sharp, stage.size.width);
    });
    const width = loupe.offsetWidth;
    const above = place.y - side - 30;
    loupe.style.transform = `translate(${Math.min(Math.max(4, place.x - width / 2), ends.clientWidth - width - 4)}px, ${above > 4 ? above : Math.min(place.y + 30, ends.clientHeight - side - 10)}px)`;
  }

  return { isOn, close: () => isOn() && button.click() };
}

/** A square of `pixels` of the picture from (x, y) on; an element may be smaller than the picture it is shown as. */
function draw(canvas, element, x, y, pixels, sharp, width) {
  canvas.width = canvas.height = sharp;
  const by = (element.naturalWidth || element.width) / width;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = by !== 1;
  context.drawImage(element, x * by, y * by, pixels * by, pixels * by, 0, 0, sharp, sharp);
}
