// What the page says, in the visitor's words.

/** Every metric that a card may carry, the first ones before the others: what its value says to somebody who sees it. */
const METRICS = {
  psnr_y: (v) => `${v.toFixed(1)} dB close to the originals (PSNR of the brightness)`,
  psnr: (v) => `${v.toFixed(1)} dB close to the originals (PSNR)`,
  ssim_y: (v) => `${(100 * v).toFixed(1)} % of the structure kept (SSIM of the brightness)`,
  ssim: (v) => `${(100 * v).toFixed(1)} % of the structure kept (SSIM)`,
  l1: (v) => `${(v * 255).toFixed(1)} of 255 off on average`,
  lpips: (v) => `${v.toFixed(3)} away from the originals (LPIPS, best is 0)`,
  fid: (v) => `${v.toFixed(1)} away from real ones (FID, best is 0)`,
  kid: (v) => `${v.toFixed(4)} away from real ones (KID, best is 0)`,
  swd: (v) => `${v.toFixed(2)} away from real ones (SWD of patches, best is 0)`,
  ...Object.fromEntries(Object.entries({
    fid_unbiased: "FID without the bias of few pictures", frechet: "Fréchet distance",
    frechet_unbiased: "Fréchet distance without the bias of few pictures", kernel: "kernel distance",
    mind: "MIND", mind_unbiased: "MIND without the bias of few pictures",
  }).map(([name, words]) => [name, (v) => `${v.toFixed(1)} away from real ones (${words}, best is 0)`])),
  ...Object.fromEntries(["is", "is_unbiased", "classes", "classes_unbiased"].map((name) => [name,
    (v) => `${v.toFixed(1)} kinds of things told apart (Inception Score)`])),
  precision: (v) => `${(100 * v).toFixed(1)} % look like real ones (precision)`,
  recall: (v) => `${(100 * v).toFixed(1)} % of the real variety is met (recall)`,
  density: (v) => `${v.toFixed(2)} as densely among real ones as these themselves (density)`,
  coverage: (v) => `${(100 * v).toFixed(1)} % of real ones have a likeness (coverage)`,
  modes: (v) => `${v.toFixed(0)} kinds of pictures shown, as a classifier sees them`,
  modes_kl: (v) => `${v.toFixed(3)} away from the real shares of kinds (KL, best is 0)`,
  confidence: (v) => `a classifier is ${(100 * v).toFixed(1)} % sure of what it sees`,
  label_accuracy: (v) => `${(100 * v).toFixed(1)} % show what was asked for, as a classifier sees them`,
  path_length: (v) => `${v.toFixed(2)} of change along the way (path length, smooth is low)`,
  identity: (v) => `${(v * 255).toFixed(1)} of 255 changed on average`,
  cycle: (v) => `${(v * 255).toFixed(1)} of 255 off, there and back`,
};

const METHODS = {
  pix2pix: "pix2pix", cyclegan: "CycleGAN", discogan: "DiscoGAN", cut: "CUT",
  srgan: "SRGAN", esrgan: "ESRGAN", "real-esrgan": "Real-ESRGAN", gan: "a GAN",
};

const REFUSALS = {
  0: "The server cannot be reached just now. Your pictures are still here: try again in a moment.",
  401: "This server asks for a key. Load the page again to give it.",
  404: "This model is no longer here. Load the page again to see which ones are.",
  413: "This picture is too large for this server.",
  415: "This is not a picture that can be read here.",
  422: "This picture cannot be translated: it is damaged, has several frames, or has other channels than the model takes.",
  429: "Many pictures are waiting. Try again in a moment.",
  503: "The server has no room for this just now. Your pictures are still here: try again in a moment.",
  504: "This took too long, and was given up. A smaller picture will go through.",
  507: "The server has no room for this just now. Try again in a moment.",
};

/** Refusals that may be none the next time. */
export const PASSING = new Set([0, 429, 500, 502, 503, 504, 507]);

/** A sentence for a visitor of what the server answered; its own where that is meant for everybody. */
export function refusal(error) {
  const operators = /--|`|i2i (serve|convert|reads)|\/docs/.test(error.message);
  if (error.status === 422 && error.message && !operators) return error.message;
  if (error.status === 400 && error.message && !operators) return error.message;
  return REFUSALS[error.status] ?? "Something went wrong on the server. Try again, or another picture.";
}

export const list = (names, last = "or") =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${last} ${names.at(-1)}`;

export const megapixels = (pixels) => `${+(pixels / 1e6).toPrecision(3)} megapixel${pixels === 1e6 ? "" : "s"}`;
export const sides = ({ width, height }) => `${width} × ${height}`;

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A model's name as a title: `rain-princess` is “Rain princess”, `summer2winter` “Summer to winter”. */
export const title = (model) => capital(model.id.replaceAll(/[-_]+/g, " ").replace(/(\p{L}{3,})2(\p{L}{3,})/u, "$1 to $2").trim());

const isLooking = (model) => model.scale === 1 && model.task !== "restoration" && model.source === model.target;

/** What a model does, as a title. */
export function does(model) {
  if (model.scale > 1) return `Makes pictures ${model.scale} times as large`;
  if (model.task === "restoration") return `Restores ${model.source}`;
  if (isLooking(model)) return `${title(model)}: ${model.source} in another look`;
  return `${capital(model.source)} → ${model.target}`;
}

/** Whose a model is: `origin` is { how, file } of another's weights, or { pictures } that it was trained on. */
function made({ method, origin }) {
  if (origin?.how) return origin.file ? `others (${origin.file})` : "others";
  const by = METHODS[method] ?? method;
  return origin?.pictures ? `${by}, trained on ${origin.pictures.toLocaleString("en")} pictures` : by;
}

/** [term, words] rows of a model's card. */
export function card(model, limits) {
  const pixels = Math.min(limits.pixels, model.scale > 1 ? limits.result_pixels / model.scale ** 2 : Infinity);
  const out = model.scale > 1 ? `${model.scale} times as wide and high` : "size kept";
  const sizes = model.fixed ? `${model.fixed[1]} × ${model.fixed[0]} alone` : `up to ${megapixels(pixels)}, ${out}`;
  const licence = model.licence === "unspecified" ? "not stated" : model.licence;
  return [["Made by", made(model)], ["Sizes", sizes], ["Score", score(model.metrics)], ["Licence", licence]];
}

function score(metrics) {
  const plain = Object.entries(metrics).map(([name, value]) => [name.replace(/^val_/, ""), value]);
  const ranks = Object.keys(METRICS);
  const known = plain.filter(([name]) => name in METRICS).sort(([a], [b]) => ranks.indexOf(a) - ranks.indexOf(b));
  if (known.length) return METRICS[known[0][0]](known[0][1]);
  return plain.length ? `${plain[0][0]} ${+plain[0][1].toPrecision(3)}` : "not measured";
}

/** What lies left and right of the handle; `isLarger` says whether the left one is enlarged to the right one's size. */
export function ends(model, isExample, isBack, isLarger) {
  const before = isExample && !isLooking(model) && model.scale === 1 ? capital(model.source) : isExample ? "Before" : "Your picture";
  if (isBack) return [before, "Back again"];
  if (isLarger) return [`Bicubic × ${model.scale}`, `${title(model)} × ${model.scale}`];
  return [before, isLooking(model) || model.scale > 1 ? title(model) : capital(model.target)];
}

function about(seconds) {
  if (seconds < 1.5) return "a second left";
  return seconds < 90 ? `about ${Math.round(seconds)} s left` : `about ${Math.round(seconds / 60)} min left`;
}

/** How far a job is; `left` are the seconds that it will take, where that is known. */
export function progress({ state, place, done, total, left }) {
  const more = left > 0 ? `, ${about(left)}` : "";
  if (state === "sending") return `Sending… ${Math.round((100 * done) / total)} %`;
  if (state === "busy") return `Many are here. Trying again in ${place} s…`;
  if (state === "example") return "Making an example…";
  if (state === "queued") return place ? `Waiting: ${place} before this one` : "Next in line…";
  if (total > 1) return `Translating… part ${Math.min(total, done + 1)} of ${total}${more}`;
  return `Translating…${left > 0 ? ` ${about(left)}` : ""}`;
}

export const trip = ({ error }) => `There and back, ${error.toFixed(1)} of 255 off the original on average`;

export function took({ seconds, width, height, bytes }) {
  const size = bytes > 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return `${width} × ${height}, ${size}, in ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}
