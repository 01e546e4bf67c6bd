// The page of a study: two pictures, for a moment or until the answer; then a choice. The server knows what is what.
"use strict";
const byId = (id) => document.getElementById(id);
const sides = ["left", "right"].map(byId);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
let state = null, shownAt = 0, asking = false, waiting = null;

function show(section) {
  for (const id of ["intro", "trial", "end"]) byId(id).hidden = id !== section;
}

function trouble(sentence) {
  byId("trouble").textContent = sentence;
  byId("trouble").hidden = !sentence;
}

/** Ask the server, again and again where the network is away: an answer that was given is not lost. */
async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await fetch(path, options);
      const told = await answer.json();
      trouble("");
      if (!answer.ok && answer.status !== 409) throw new Error(told.error || "The server could not answer.", { cause: "told" });
      return told;
    } catch (error) {
      if (error.cause === "told") { trouble(error.message); throw error; }
      trouble("The server does not answer. It is asked again …");
      await pause(Math.min(1000 * 2 ** attempt, 10000));
    }
  }
}

async function load(name) {
  for (let attempt = 0; ; attempt++) {
    const image = new Image();
    image.src = `picture/${name}`;
    try {
      await image.decode();
      trouble("");
      return image;
    } catch {
      trouble("A picture does not come. It is asked for again …");
      await pause(Math.min(1000 * 2 ** attempt, 10000));
    }
  }
}

const canvasOf = (side) => side.querySelector("canvas");

function paint(images) {
  sides.forEach((side, n) => {
    const canvas = canvasOf(side);
    canvas.width = images[n].naturalWidth; // also clears it
    canvas.height = images[n].naturalHeight;
  });
  return () => sides.forEach((side, n) => canvasOf(side).getContext("2d").drawImage(images[n], 0, 0));
}

function clear() {
  for (const side of sides) { const canvas = canvasOf(side); canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height); }
}

async function trial() {
  if (state.finished) return show("end");
  show("trial");
  byId("progress").max = state.total;
  byId("progress").value = state.done;
  byId("count").textContent = `${state.done + 1} of ${state.total}${state.practising ? " · practice" : ""}`;
  byId("question").textContent = state.question;
  byId("feedback").textContent = byId("feedback").className = "";
  byId("next").hidden = true;
  for (const side of sides) { side.disabled = true; side.className = "side"; }
  byId("hint").textContent = "Look …";
  const draw = paint(await Promise.all(state.pictures.map(load)));
  await pause(500);
  draw();
  shownAt = performance.now();
  if (state.seconds > 0) {
    await pause(1000 * state.seconds);
    clear();
    shownAt = performance.now();
  }
  byId("hint").textContent = state.seconds > 0 ? "Take your time to answer." : "Look as long as you like.";
  for (const side of sides) side.disabled = false;
  asking = true;
}

async function choose(n) {
  if (!asking) return;
  asking = false;
  const ms = Math.round(performance.now() - shownAt);
  for (const side of sides) side.disabled = true;
  sides[n].classList.add("chosen");
  try {
    state = await ask("vote", { trial: state.done, choice: ["left", "right"][n], ms });
  } catch { return; }
  if (state.right === undefined) return trial();
  sides[n].classList.add(state.right ? "right" : "wrong");
  byId("feedback").className = state.right ? "right" : "wrong";
  byId("feedback").textContent = state.right ? "Right." : "Wrong: it was the other one.";
  byId("hint").textContent = "Practice does not count.";
  byId("next").hidden = false;
  byId("next").focus({ preventScroll: true });
  waiting = trial;
}

function next() {
  const go = waiting;
  waiting = null;
  if (go) go();
}

sides.forEach((side, n) => side.addEventListener("click", () => choose(n)));
byId("next").addEventListener("click", next);
byId("start").addEventListener("click", async () => {
  byId("start").disabled = true;
  try { state = await ask("join", {}); } catch { byId("start").disabled = false; return; }
  trial();
});
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.altKey || event.ctrlKey || event.metaKey) return;
  const n = { ArrowLeft: 0, ArrowUp: 0, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (n !== undefined && !byId("trial").hidden) { event.preventDefault(); choose(n); }
  if (event.key === " " && waiting) { event.preventDefault(); next(); }
});

ask("state").then((told) => {
  state = told;
  if (told.finished) return show("end");
  const exposure = told.seconds > 0 ? ` for ${told.seconds === 1 ? "one second" : `${told.seconds} seconds`}, then they vanish` : "";
  byId("what").textContent = `You see two pictures${exposure}. ${told.kind === "real-or-fake"
    ? "One is a real picture, the other was generated by a computer." : "Choose the one that fits the question better."}`;
  const practice = told.practice ? ` The first ${told.practice} are practice, and say whether you were right.` : "";
  byId("how").textContent = `The question is always: “${told.question}” There are ${told.total} pairs, a few minutes in all.${practice} ` +
    (matchMedia("(hover: none)").matches ? "Tap on a side to answer." : "Click on a side to answer, or press ← or →.");
  if (told.joined && told.done) byId("start").textContent = `Go on (${told.done} of ${told.total} done)`;
  show("intro");
}, () => {});
