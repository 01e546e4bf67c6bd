// Colours of the page for canvases, and the two-ended scale of D's opinion: generated to real.

let known = {};
const probe = document.createElement("i");
probe.hidden = true;
document.documentElement.append(probe);

export function colour(name) {
  if (!(name in known)) {
    probe.style.color = `var(${name})`;
    known[name] = getComputedStyle(probe).color;
  }
  return known[name];
}

export function forget() { known = {}; }

function rgb(name) {
  const [r, g, b] = colour(name).match(/[\d.]+/g).map(Number);
  return [r, g, b];
}

// 256 colours from "generated" over the paper's to "real".
export function scale() {
  const ends = [rgb("--gen-wash"), rgb("--card"), rgb("--real-wash")], table = new Uint8ClampedArray(256 * 3);
  for (let n = 0; n < 256; n++) {
    const at = n / 255 * 2, from = ends[Math.min(1, Math.floor(at))], to = ends[Math.min(1, Math.floor(at)) + 1], share = at - Math.min(1, Math.floor(at));
    for (let c = 0; c < 3; c++) table[3 * n + c] = from[c] + (to[c] - from[c]) * share;
  }
  return table;
}
