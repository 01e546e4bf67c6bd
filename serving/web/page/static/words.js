// What the page says, in the visitor's words.

const METRICS = {
  l1: (v) => `${(v * 255).toFixed(1)} of 255 off on average`,
  psnr: (v) => `${v.toFixed(2)} dB PSNR`,
  psnr_y: (v) => `${v.toFixed(2)} dB PSNR of the brightness`,
  ssim: (v) => `${v.toFixed(3)} SSIM`,
  ssim_y: (v) => `${v.toFixed(3)} SSIM of the brightness`,
  lpips: (v) => `${v.toFixed(3)} LPIPS`,
  fid: (v) => `${v.toFixed(1)} FID`,
};

const REFUSALS = {
  0: "The server cannot be reached. Is it still running?",
  401: "This server asks for a key. Load the page again to give it.",
  404: "This model is no longer here. Load the page again.",
  413: "This picture is too large for this server.",
  415: "This is not a picture that can be read here.",
  422: "This picture cannot be translated: it is damaged, has several frames, or has other channels than the model takes.",
  429: "Many pictures are waiting. Try again in a moment.",
  503: "The server has no room for this just now. Try again in a moment.",
  504: "This took too long, and was given up. A smaller picture will go through.",
  507: "The server has no room for this just now. Try again in a moment.",
};

/** A sentence for a visitor of what the server answered; its own where that is meant for everybody. */
export function refusal(error) {
  const operators = /--|`|i2i (serve|convert)|\/docs/.test(error.message);
  if (error.status === 422 && error.message && !operators) return error.message;
  if (error.status === 400 && error.message) return error.message;
  return REFUSALS[error.status] ?? "Something went wrong on the server. Try again, or another picture.";
}

export const list = (names, last = "or") =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${last} ${names.at(-1)}`;

export const megapixels = (pixels) => `${+(pixels / 1e6).toPrecision(3)} megapixel${pixels === 1e6 ? "" : "s"}`;
export const sides = ({ width, height }) => `${width} × ${height}`;

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** What a model does, as a title. */
export function does(model) {
  if (model.scale > 1) return `Makes pictures ${model.scale} times as large`;
  if (model.task === "restoration") return `Restores ${model.source}`;
  if (model.source === model.target) return `Translates ${model.source}`;
  return `${capital(model.source)} → ${model.target}`;
}

/** [term, words] rows of a model's card. */
export function card(model, limits) {
  const pixels = Math.min(limits.pixels, model.scale > 1 ? limits.result_pixels / model.scale ** 2 : Infinity);
  const out = model.scale > 1 ? `${model.scale} times as wide and high` : "size kept";
  const sizes = model.fixed ? `${model.fixed[1]} × ${model.fixed[0]} alone` : `up to ${megapixels(pixels)}, ${out}`;
  const scores = Object.entries(model.metrics).map(([name, value]) => {
    const plain = name.replace(/^val_/, "");
    return METRICS[plain] ? METRICS[plain](value) : `${plain} ${+value.toPrecision(3)}`;
  });
  const licence = model.licence === "unspecified" ? "not stated" : model.licence;
  return [["Method", model.method], ["Sizes", sizes], ["Score", scores[0] ?? "not measured"], ["Licence", licence]];
}

/** What lies left and right of the handle. */
export function ends(model, isExample, isBack) {
  const before = isExample ? capital(model.source) : "Your picture";
  if (isBack) return [before, "There and back"];
  if (model.scale > 1) return [`Bicubic × ${model.scale}`, `${capital(model.id)} × ${model.scale}`];
  return [before, capital(model.target)];
}

/** How far a job is. */
export function progress({ state, place, done, total }) {
  if (state === "sending") return `Sending… ${Math.round((100 * done) / total)} %`;
  if (state === "waiting") return `Many are here. Trying again in ${place} s…`;
  if (state === "queued") return place ? `Waiting: ${place} before this one` : "Next in line…";
  if (total > 1) return `Translating… part ${Math.min(total, done + 1)} of ${total}`;
  return "Translating…";
}

export function took({ seconds, width, height, bytes }) {
  const size = bytes > 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return `${width} × ${height}, ${size}, in ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}
