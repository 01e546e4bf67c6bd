// Pictures: a sheet of samples with what D says of each, the real ones, a map of both, G's lattice, a walk, D's hints.

import { bytes } from "./api.js";
import { colour, scale } from "./paint.js";

export const VIEWS = [["samples", "Samples"], ["real", "Real"], ["map", "Map"], ["lattice", "G's lattice"], ["walk", "Walk"], ["hints", "D's hints"]];

const small = document.createElement("canvas");

function tile(values, number, [channels, height, width], signed) {
  small.width = width;
  small.height = height;
  const image = new ImageData(width, height), start = number * channels * height * width, table = signed ? scale() : null;
  for (let n = 0; n < width * height; n++) {
    for (let c = 0; c < 3; c++) {
      const from = values[start + n * channels + (channels === 1 ? 0 : c)];
      image.data[4 * n + c] = signed ? table[3 * from + c] : from;
    }
    image.data[4 * n + 3] = 255;
  }
  small.getContext("2d").putImageData(image, 0, 0);
}

function grid(pen, size, values, shape, columns, count, { judged, signed, top = 0, high = size } = {}) {
  const rows = Math.ceil(count / columns), cell = Math.min(size / columns, high / rows), left = (size - cell * columns) / 2;
  pen.imageSmoothingEnabled = false;
  const gap = Math.max(2, cell * 0.06), bar = judged ? Math.max(3, cell * 0.06) : 0;
  for (let n = 0; n < count; n++) {
    const x = left + (n % columns) * cell + gap, y = top + Math.floor(n / columns) * cell + gap, side = cell - 2 * gap - bar;
    tile(values, n, shape, signed);
    pen.drawImage(small, x + bar / 2, y, side, side);
    if (judged) {
      pen.fillStyle = colour("--line");
      pen.fillRect(x + bar / 2, y + side + 1, side, bar - 1);
      pen.fillStyle = colour(judged[n] > 127 ? "--real" : "--gen");
      const share = judged[n] / 255;
      pen.fillRect(x + bar / 2, y + side + 1, side * share, bar - 1);
    }
  }
}

export function drawSheet(pen, size, still, view, which) {
  pen.fillStyle = colour("--card");
  pen.fillRect(0, 0, size, size);
  const shape = still.picture, each = shape[0] * shape[1] * shape[2];
  if (which === "samples") {
    const values = bytes(view.fake);
    const across = view.classes || 6;
    grid(pen, size, values, shape, across, Math.floor(values.length / each / across) * across, { judged: bytes(view.judged) });
  } else if (which === "real") {
    const values = bytes(still.real);
    grid(pen, size, values, shape, 6, Math.min(36, values.length / each));
  } else if (which === "lattice") {
    grid(pen, size, bytes(view.warped), shape, view.lines[1], view.lines[0] * view.lines[1]);
  } else if (which === "walk") {
    const values = bytes(view.walk);
    grid(pen, size, values, shape, 3, values.length / each);
  } else if (which === "hints") {
    grid(pen, size, bytes(view.fake), shape, 4, 8, { high: size / 2 });
    grid(pen, size, bytes(view.hints), [1, shape[1], shape[2]], 4, 8, { signed: true, top: size / 2, high: size / 2 });
  } else map(pen, size, still, view);
}

function map(pen, size, still, view) {
  const reach = 1150, at = (v) => (v + reach) / (2 * reach) * size, r = Math.max(2.2, size / 190);
  for (const [points, name] of [[still.map, "--real"], [view.map, "--gen"]]) {
    pen.fillStyle = colour(name);
    pen.strokeStyle = colour("--card");
    pen.lineWidth = 0.8;
    for (let n = 0; n < points.length; n += 2) {
      pen.beginPath();
      pen.arc(at(points[n]), size - at(points[n + 1]), r, 0, 7);
      pen.fill();
      pen.stroke();
    }
  }
}
