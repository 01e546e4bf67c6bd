// A worker: enlarges a picture bicubically as Pillow does (a = -0.5, 8 bits between the passes, weights in 22 bits).

const BITS = 22;

function cubic(x) {
  x = Math.abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/** For each pixel of the enlarged side: the first pixel that it is made of, and their weights. */
function weights(length, scale) {
  return Array.from({ length: length * scale }, (_, n) => {
    const centre = (n + 0.5) / scale;
    const first = Math.max(0, Math.trunc(centre - 2 + 0.5));
    const end = Math.min(length, Math.trunc(centre + 2 + 0.5));
    const raw = Array.from({ length: end - first }, (_, k) => cubic(first + k - centre + 0.5));
    const sum = raw.reduce((a, b) => a + b);
    return { first, by: raw.map((w) => Math.trunc((w / sum) * 2 ** BITS + (w < 0 ? -0.5 : 0.5))) };
  });
}

/** `count` lines of pixels of four bytes; `step` is from a pixel to the next, `line` from a line to the next. */
function pass(from, to, table, count, fromLine, fromStep, toLine, toStep) {
  for (let y = 0; y < count; y++)
    for (let n = 0; n < table.length; n++) {
      const { first, by } = table[n];
      let r = 2 ** (BITS - 1), g = r, b = r, a = r;
      let at = y * fromLine + first * fromStep;
      for (let k = 0; k < by.length; k++, at += fromStep) {
        r += from[at] * by[k];
        g += from[at + 1] * by[k];
        b += from[at + 2] * by[k];
        a += from[at + 3] * by[k];
      }
      const out = y * toLine + n * toStep;
      to[out] = r >> BITS; // clamped by the array
      to[out + 1] = g >> BITS;
      to[out + 2] = b >> BITS;
      to[out + 3] = a >> BITS;
    }
}

/** Colours times alpha, or back: what is transparent must not bleed into what is seen. */
function premultiply(data, back) {
  for (let n = 0; n < data.length; n += 4) {
    const alpha = data[n + 3];
    if (alpha === 255) continue;
    for (let c = n; c < n + 3; c++) data[c] = back ? (alpha ? (data[c] * 255) / alpha : 0) : (data[c] * alpha) / 255;
  }
}

onmessage = ({ data: { bitmap, scale } }) => {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  premultiply(data, false);
  const wide = new Uint8ClampedArray(width * scale * height * 4);
  pass(data, wide, weights(width, scale), height, width * 4, 4, width * scale * 4, 4);
  const result = new ImageData(width * scale, height * scale);
  pass(wide, result.data, weights(height, scale), width * scale, 4, width * scale * 4, 4, width * scale * 4);
  premultiply(result.data, true);
  postMessage(result, [result.data.buffer]);
};
