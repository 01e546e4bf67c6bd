// What the doctor says: what is wrong and since when, the remedy as a button, and what was cured.

const set = (settings) => Object.entries(settings).map(([name, value]) => `${name} = ${Array.isArray(value) ? value.join(", ") || "none" : value}`);

let last = "", known = [];

export function looksFor(titles) { known = titles; }

export function showDoctor(box, frame, cure) {
  const key = JSON.stringify([frame.ailments, frame.cures, frame.ended, frame.step === 0]);
  if (key === last) return;
  last = key;
  const parts = [];
  const there = frame.ailments.filter((one) => one.over === null);
  for (const one of there) parts.push(named(one, cure));
  for (const one of frame.cures) parts.push(cured(one));
  if (!there.length) {
    const p = document.createElement("p");
    p.className = "well";
    const text = frame.step === 0 ? "The doctor reads every line of the log." : frame.ended || "No failure shows.";
    p.innerHTML = "<b></b>";
    p.firstChild.textContent = text;
    parts.unshift(p);
    if (!frame.cures.length && !frame.ended) {
      const looked = document.createElement("p");
      looked.className = "small";
      looked.textContent = `Looked for: ${known.join("; ")}.`;
      parts.push(looked);
    }
  }
  for (const one of frame.ailments.filter((a) => a.over !== null && !frame.cures.some((c) => c.name === a.name))) {
    const p = document.createElement("p");
    p.className = "past small";
    p.textContent = `${one.title}: from step ${one.began} to ${one.over}.`;
    parts.push(p);
  }
  box.replaceChildren(...parts);
  box.classList.toggle("sick", there.length > 0);
}

function named(one, cure) {
  const box = document.createElement("div");
  box.className = "ailment";
  box.dataset.name = one.name;
  const title = document.createElement("h2"), says = document.createElement("p"), what = document.createElement("p");
  title.textContent = one.title;
  says.textContent = one.sentence;
  what.className = "small";
  box.append(title, says);
  if (Object.keys(one.settings).length) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "primary cure";
    button.textContent = one.back ? "Go back and cure it" : "Cure it";
    button.addEventListener("click", () => cure(one.name));
    what.textContent = set(one.settings).join(" · ");
    box.append(button, what);
  } else {
    what.textContent = one.remedy.length ? `Remedy: ${one.remedy.join(", ")}` : "No setting cures it: the measure is to be changed.";
    box.append(what);
  }
  return box;
}

function cured(one) {
  const p = document.createElement("p");
  p.className = one.over === null ? "trying" : "cured";
  p.dataset.name = one.name;
  const b = document.createElement("b");
  b.textContent = one.over === null ? `${one.title}: the remedy is at work. ` : `${one.title}: cured at step ${one.over}. `;
  const small = document.createElement("span");
  small.className = "small";
  small.textContent = `${one.back === null ? `At step ${one.at}` : `Back at step ${one.back}`}: ${set(one.settings).join(" · ")}`;
  p.append(b, small);
  return p;
}

export const moments = (frame) => [
  ...frame.ailments.map((one) => ({ step: one.began, bad: true })),
  ...frame.cures.filter((one) => one.over !== null).map((one) => ({ step: one.over, bad: false })),
];

