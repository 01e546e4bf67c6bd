// Pictures in the browser: opened, made small, made smaller, enlarged bicubically, blended, compared.

const LARGEST_BICUBIC = 36e6; // pixels of the result; beyond, the browser's own smoothing

/** A file -> { width, height, thumb } upright, `thumb` being a small picture's URL; throws where it cannot be shown. */
export async function open(blob) {
  const bitmap = await createImageBitmap(blob);
  const { width, height } = bitmap;
  const by = Math.min(1, 192 / Math.min(width, height), 800 / Math.max(width, height));
  const thumb = URL.createObjectURL(await toBlob(drawn(bitmap, Math.max(1, width * by), Math.max(1, height * by)), "image/png"));
  bitmap.close();
  return { width, height, thumb };
}

/** Of an animation its number of pictures and the first one as a PNG; null for a still, or where nobody can tell. */
export async function firstFrame(blob) {
  const type = await typeOf(blob);
  if (!type || !("ImageDecoder" in window) || !(await ImageDecoder.isTypeSupported(type))) return null;
  const decoder = new ImageDecoder({ type, data: await blob.arrayBuffer() });
  try {
    await Promise.all([decoder.tracks.ready, decoder.completed]);
    const { frameCount } = decoder.tracks.selectedTrack;
    if (frameCount < 2) return null;
    const { image } = await decoder.decode({ frameIndex: 0 });
    const still = await toBlob(drawn(image, image.displayWidth, image.displayHeight), "image/png");
    image.close();
    return { frames: frameCount, still };
  } finally {
    decoder.close();
  }
}

/** Of the kinds that may move. */
async function typeOf(blob) {
  const head = String.fromCharCode(...new Uint8Array(await blob.slice(0, 12).arrayBuffer()));
  if (head.startsWith("GIF8")) return "image/gif";
  if (head.startsWith("\x89PNG")) return "image/png";
  return head.startsWith("RIFF") && head.endsWith("WEBP") ? "image/webp" : null;
}

/** Width and height by the header of a PNG. */
export async function pngSize(blob) {
  const header = new DataView(await blob.slice(16, 24).arrayBuffer());
  return { width: header.getUint32(0), height: header.getUint32(4) };
}

/** An <img> that can be shown at once. */
export async function image(url) {
  const element = new Image();
  element.alt = "";
  element.src = url;
  await element.decode();
  return element;
}

function drawn(source, width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(width), height: Math.round(height) });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

const toBlob = (canvas, type, quality) =>
  new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("too large to draw"))), type, quality));

/** The sides of the same picture with at most so many pixels. */
export function smaller({ width, height }, pixels) {
  const by = Math.min(1, Math.sqrt(pixels / (width * height)));
  return { width: Math.max(1, Math.floor(width * by)), height: Math.max(1, Math.floor(height * by)) };
}

/** The picture made smaller, to at most so many pixels and bytes: a PNG, or a JPEG of what came as one or is too long. */
export async function shrink(blob, size, bytes) {
  const bitmap = await createImageBitmap(blob);
  let { width, height } = size;
  const kinds = [["image/png"], ["image/jpeg", 0.95], ["image/jpeg", 0.85]].slice(blob.type === "image/jpeg" ? 1 : 0);
  for (let n = 0; ; n++) {
    const canvas = drawn(bitmap, width, height);
    const made = await toBlob(canvas, ...kinds[Math.min(n, kinds.length - 1)]);
    if (made.size <= bytes || width * height < 4096) return made;
    if (n >= kinds.length - 1) [width, height] = [Math.ceil(width * 0.8), Math.ceil(height * 0.8)];
  }
}

/** `blob` enlarged `scale` times with Pillow's bicubic filter, as a canvas; `instead` where that is too much. */
export async function enlarged(blob, scale, instead) {
  try {
    const bitmap = await createImageBitmap(blob, { premultiplyAlpha: "none" });
    if (bitmap.width * bitmap.height * scale ** 2 > LARGEST_BICUBIC) return instead;
    const worker = new Worker(new URL("bicubic.js", import.meta.url));
    const pixels = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = () => reject(new Error("no worker"));
      worker.postMessage({ bitmap, scale }, [bitmap]);
    }).finally(() => worker.terminate());
    const canvas = Object.assign(document.createElement("canvas"), { width: pixels.width, height: pixels.height });
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    return canvas;
  } catch {
    return instead;
  }
}

/** Both laid on one another, `after` with `strength` in [0, 1], as a PNG of 8 bits. */
export async function blend(before, after, strength, { width, height }) {
  const canvas = drawn(before, width, height);
  const context = canvas.getContext("2d");
  context.globalAlpha = strength;
  context.drawImage(after, 0, 0, width, height);
  return toBlob(canvas, "image/png");
}

/** How far two pictures are apart: the mean over pixels and colours, of 255. */
export function difference(first, second, { width, height }) {
  const [a, b] = [first, second].map((each) => drawn(each, width, height).getContext("2d").getImageData(0, 0, width, height).data);
  let sum = 0;
  for (let n = 0; n < a.length; n++) if ((n & 3) !== 3) sum += Math.abs(a[n] - b[n]);
  return sum / (width * height * 3);
}
