// What the server is asked for: its models and limits, and a translation with its progress. Addresses are relative, so
// that the page works below any prefix.

/** 32 hexadecimal digits; crypto.randomUUID is not there without TLS. */
const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

export const VISIT = random(); // the server gives each visit a fair share

/** A request that was not answered with a picture: `status`, the server's sentence, seconds to wait. */
export class Refused extends Error {
  constructor(status, sentence, wait) {
    super(sentence);
    this.status = status;
    this.wait = wait;
  }
}

const json = async (path) => {
  const answer = await fetch(path);
  if (!answer.ok) throw new Refused(answer.status, (await answer.json().catch(() => ({}))).error ?? "");
  return answer.json();
};

/** The models in order, each with what the page adds (examples, the model that goes back), and the limits. */
export async function load() {
  const [{ models }, page] = await Promise.all([json("v1/models"), json("page/facts")]);
  return { ...page, models: models.map((model) => ({ ...model, ...page.models[model.id] })) };
}

export function query(model, settings) {
  return new URLSearchParams([["model", model], ...Object.entries(settings)]).toString();
}

/** The bytes of a picture, and of what goes `beside` it by name -> { blob, seconds }; `signal` cancels it here and there. */
export function translate(blob, model, settings, { signal, tell = () => {}, beside = {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const id = random();
    const started = performance.now();
    let events = null;
    const end = (how, value) => {
      events?.close();
      signal?.removeEventListener("abort", abort);
      how(value);
    };
    const abort = () => request.abort();
    request.open("POST", `v1/translate?${query(model, settings)}`);
    request.responseType = "blob";
    request.setRequestHeader("X-Request-Id", id);
    request.setRequestHeader("X-Session-Id", VISIT);
    request.upload.onprogress = (event) => event.loaded < event.total && tell({ state: "sending", done: event.loaded, total: event.total });
    request.upload.onload = () => {
      tell({ state: "running" });
      events = follow(id, tell);
    };
    request.onload = async () => {
      if (request.status === 200) return end(resolve, { blob: request.response, seconds: (performance.now() - started) / 1000 });
      const said = await request.response.text().then(JSON.parse).catch(() => ({}));
      end(reject, new Refused(request.status, said.error ?? "", Number(request.getResponseHeader("Retry-After")) || 0));
    };
    request.onerror = () => end(reject, new Refused(0, ""));
    request.onabort = () => end(reject, new DOMException("cancelled", "AbortError"));
    if (signal?.aborted) return end(reject, new DOMException("cancelled", "AbortError"));
    signal?.addEventListener("abort", abort);
    request.send(Object.keys(beside).length ? form({ image: blob, ...beside }) : blob);
  });
}

function form(files) {
  const whole = new FormData();
  for (const [name, blob] of Object.entries(files)) whole.append(name, blob, name);
  return whole;
}

/** Tells each { state, place, done, total } of a job as the server sends it. */
function follow(id, tell) {
  const events = new EventSource(`v1/jobs/${id}`);
  events.onmessage = ({ data }) => {
    const now = JSON.parse(data);
    if (now.state === "done") events.close();
    else if (now.state !== "unknown") tell(now);
  };
  events.onerror = () => events.close(); // the answer tells the rest
  return events;
}

/** A picture that the browser cannot show -> one that it can. */
export async function preview(blob) {
  const answer = await fetch("page/preview", { method: "POST", body: blob, headers: { "X-Session-Id": VISIT } });
  if (!answer.ok) throw new Refused(answer.status, (await answer.json().catch(() => ({}))).error ?? "");
  return answer.blob();
}
