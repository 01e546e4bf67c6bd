// The plane: D's landscape, real and generated points, G's bent grid, arrows, a walk.

import { bytes } from "./api.js";
import { colour, scale } from "./paint.js";

export const LAYERS = [["field", "D's landscape", true], ["real", "Real", true], ["fake", "Generated", true], ["arrows", "Arrows", true], ["warped", "G's grid", false], ["walk", "Walk", false]];

const small = document.createElement("canvas");

function landscape(pen, size, view) {
  const cells = view.cells, values = bytes(view.field), table = scale();
  small.width = small.height = cells;
  const image = new ImageData(cells, cells);
  for (let row = 0; row < cells; row++) for (let column = 0; column < cells; column++) {
    const from = 3 * values[row * cells + column], to = 4 * ((cells - 1 - row) * cells + column);
    image.data[to] = table[from];
    image.data[to + 1] = table[from + 1];
    image.data[to + 2] = table[from + 2];
    image.data[to + 3] = 255;
  }
  small.getContext("2d").putImageData(image, 0, 0);
  const edge = size / (cells - 1) / 2;  // values stand at the cells' middles
  pen.imageSmoothingEnabled = true;
  pen.drawImage(small, -edge, -edge, size + 2 * edge, size + 2 * edge);
}

function dots(pen, points, at, radius, fill, edge) {
  pen.fillStyle = fill;
  pen.strokeStyle = edge;
  pen.lineWidth = 0.8;
  for (let n = 0; n < points.length; n += 2) {
    pen.beginPath();
    pen.arc(...at(points[n], points[n + 1]), radius, 0, 7);
    pen.fill();
    pen.stroke();
  }
}

function arrows(pen, given, at) {
  let longest = 1;
  for (let n = 0; n < given.length; n += 4) longest = Math.max(longest, Math.hypot(given[n + 2], given[n + 3]));
  const times = Math.min(180 / longest, 1.5);  // shorter ones stay short: that they vanish is to be seen
  pen.strokeStyle = colour("--arrow");
  pen.lineWidth = 1.3;
  for (let n = 0; n < given.length; n += 4) {
    const [x, y] = at(given[n], given[n + 1]), [u, v] = at(given[n] + times * given[n + 2], given[n + 1] + times * given[n + 3]);
    const long = Math.hypot(u - x, v - y);
    if (long < 1.5) continue;
    const a = Math.atan2(v - y, u - x), head = Math.min(5, long / 2);
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(u, v);
    pen.moveTo(u - head * Math.cos(a - 0.5), v - head * Math.sin(a - 0.5));
    pen.lineTo(u, v);
    pen.lineTo(u - head * Math.cos(a + 0.5), v - head * Math.sin(a + 0.5));
    pen.stroke();
  }
}

function polyline(pen, points, places, at) {
  pen.beginPath();
  places.forEach((n, i) => (i ? pen.lineTo(...at(points[2 * n], points[2 * n + 1])) : pen.moveTo(...at(points[2 * n], points[2 * n + 1]))));
  pen.stroke();
}

function bent(pen, points, [rows, columns], at) {
  pen.strokeStyle = colour("--grid");
  pen.lineWidth = 1;
  for (let row = 0; row < rows; row++) polyline(pen, points, Array.from({ length: columns }, (_, n) => row * columns + n), at);
  if (rows > 1) for (let column = 0; column < columns; column++) polyline(pen, points, Array.from({ length: rows }, (_, n) => n * columns + column), at);
}

export function drawPlane(pen, size, still, view, shown, drawn) {
  const reach = 1000 * still.reach, at = (x, y) => [(x + reach) / (2 * reach) * size, (reach - y) / (2 * reach) * size];
  const r = Math.max(2.2, size / 190);
  pen.fillStyle = colour("--card");
  pen.fillRect(0, 0, size, size);
  if (shown.field) landscape(pen, size, view);
  if (shown.warped) bent(pen, view.warped, view.lines, at);
  if (shown.real) dots(pen, still.real, at, r, colour("--real"), colour("--card"));
  if (shown.arrows) arrows(pen, view.arrows.length ? interleaved(view) : [], at);
  if (shown.fake) dots(pen, view.fake, at, r, colour("--gen"), colour("--card"));
  if (shown.walk) {
    pen.strokeStyle = colour("--ink");
    pen.lineWidth = 3;
    polyline(pen, view.walk, Array.from({ length: view.walk.length / 2 }, (_, n) => n), at);
    dots(pen, [...view.walk.slice(0, 2), ...view.walk.slice(-2)], at, 2 * r, colour("--card"), colour("--ink"));
  }
  if (drawn.length) dots(pen, drawn.flatMap(([x, y]) => [1000 * x, 1000 * y]), at, r, colour("--real"), colour("--card"));
}

// The server gives each arrow by its direction, in the order of the generated points.
function interleaved(view) {
  const found = [];
  for (let n = 0; n < view.arrows.length; n += 2) found.push(view.fake[n], view.fake[n + 1], view.arrows[n], view.arrows[n + 1]);
  return found;
}
