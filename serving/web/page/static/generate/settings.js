// The sliders of one picture: class, truncation, directions, single numbers of the latent, noise.

const form = document.getElementById("settings");
const NUMBERS = 8; // of the latent that are shown at once
let shown = NUMBERS;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** A row with a slider; `value` null is "as drawn": the handle lies in the middle. */
export function slider(id, title, { low, high, value, step = (high - low) / 200, words = (v) => (+v).toFixed(2) }, change) {
  const range = element("input", { type: "range", id, min: low, max: high, step, value: value ?? (low + high) / 2 });
  const output = element("output", { textContent: value === null ? "drawn" : words(value) });
  output.setAttribute("for", id);
  if (value !== null) range.dataset.set = "true";
  range.addEventListener("input", () => {
    range.dataset.set = "true";
    output.textContent = words(range.value);
    change(+range.value);
  });
  return element("div", { className: "field" }, element("label", { htmlFor: id, textContent: title }), range, output);
}

/** What truncation may be: of a style net its port, of others the bound of the latent, which at its high end is none. */
export function truncation(model) {
  const port = model.makes.truncation;
  if (port) return { low: port.low, high: port.high, usual: port.default ?? port.low, words: (v) => (+v).toFixed(2), of: (v) => v };
  const high = model.makes.latent.prior === "uniform" ? 1 : 3;
  return { low: 0.1, high, usual: high, words: (v) => (+v >= high ? "off" : (+v).toFixed(2)), of: (v) => (v >= high ? null : v) };
}

/** Put the handles of numbers that are as they were drawn where these are: `latent` has them with commas. */
export function place(model, latent) {
  if (!latent) return;
  latent.split(",").forEach((value, n) => {
    const range = document.getElementById(`${model.makes.latent.name}.${n}`);
    if (!range || range.dataset.set) return;
    range.value = value;
    range.nextElementSibling.textContent = (+value).toFixed(2);
  });
}

/** Build the form for a pick; `change(pick)` is called with what it becomes. */
export function build(model, pick, change) {
  const { label, latent, noise, directions } = model.makes;
  const set = (name, value) => {
    pick = { ...pick, settings: { ...pick.settings, [name]: value } };
    change(pick);
  };
  const rows = [];
  if (label) {
    const choice = element("select", { id: "label" }, ...label.choices.map((each) => new Option(each, each)));
    choice.value = pick.settings[label.name] ?? label.choices[pick.number % label.choices.length];
    choice.addEventListener("change", () => set(label.name, choice.value));
    rows.push(element("div", { className: "field" }, element("label", { htmlFor: "label", textContent: "Class" }), choice));
  }
  const bound = truncation(model);
  rows.push(slider("truncation", "Truncation", { ...bound, step: "any", value: pick.truncation ?? bound.usual }, (v) => {
    pick = { ...pick, truncation: bound.of(v) };
    change(pick);
  }));
  if (noise) rows.push(slider("noise", "Noise", { low: 0, high: 1, value: +(pick.settings[`${noise}.strength`] ?? 0) }, (v) => set(`${noise}.strength`, v)));
  if (directions.length) rows.push(element("h3", { textContent: "Directions" }));
  for (const { name } of directions.slice(0, 10)) {
    const key = `direction.${name}`;
    rows.push(slider(key, /^\d+$/.test(name) ? `Direction ${name}` : name, { low: -3, high: 3, value: pick.settings[key] ?? 0 }, (v) => set(key, v)));
  }
  const reset = element("button", { type: "button", className: "link", textContent: "As it was drawn" });
  reset.addEventListener("click", () => {
    const settings = label && label.name in pick.settings ? { [label.name]: pick.settings[label.name] } : {};
    change({ ...pick, settings });
    build(model, { ...pick, settings }, change);
  });
  rows.push(element("div", { className: "heading" }, element("h3", { textContent: `Numbers of the latent (${latent.size})` }), reset));
  const most = latent.prior === "uniform" ? 1 : 3;
  for (let n = 0; n < Math.min(shown, latent.size); n += 1) {
    const key = `${latent.name}.${n}`;
    rows.push(slider(key, `Number ${n}`, { low: -most, high: most, value: pick.settings[key] ?? null }, (v) => set(key, v)));
  }
  if (shown < latent.size) {
    const more = element("button", { type: "button", className: "link", textContent: `${Math.min(16, latent.size - shown)} more` });
    more.addEventListener("click", () => {
      shown += 16;
      build(model, pick, change);
    });
    rows.push(more);
  }
  form.replaceChildren(...rows);
  form.onsubmit = (event) => event.preventDefault();
}
