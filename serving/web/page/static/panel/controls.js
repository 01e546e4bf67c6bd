// A control for everything that a model takes beside the picture: a label, the seed of a latent, a strength.

const form = document.getElementById("settings");
const capital = (name) => name.charAt(0).toUpperCase() + name.slice(1);

/** What a setting is called: `latent.seed` is a variation, `noise.strength` the noise, `noise.seed` its pattern. */
function title(name) {
  const [port, what] = name.split(".");
  if (what === "seed") return port === "latent" ? "Variation" : `${capital(port)} pattern`;
  return capital(port);
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

let initial = {};

/** Build the form for a model's settings; `onChange` is called when one changes. */
export function build(settings, onChange) {
  form.replaceChildren(...Object.entries(settings).map(([name, row]) => control(name, row)));
  form.oninput = onChange;
  form.onsubmit = (event) => event.preventDefault();
  initial = values();
}

/** The settings as they stand, by name, as requests have them. */
export function values() {
  return Object.fromEntries([...form.elements].filter((each) => each.name).map((each) => [each.name, each.value]));
}

/** What `values` gives where nobody has changed anything. */
export const defaults = () => initial;

export function set(settings) {
  for (const [name, value] of Object.entries(settings)) {
    const input = form.elements.namedItem(name);
    if (!input) continue;
    input.value = value;
    input.dispatchEvent(new Event("input")); // for the figure beside it, and for nobody else
  }
}

function control(name, row) {
  const id = `setting-${name}`;
  const field = element("div", { className: "field" }, element("label", { textContent: title(name), htmlFor: id }));
  if (row.enum) {
    const choice = element("select", { name, id }, ...row.enum.map((each) => element("option", { value: each, textContent: each })));
    choice.value = row.default;
    field.append(choice);
    return field;
  }
  if (row.type === "integer") return seed(name, id, row, field);
  const output = element("output", { textContent: row.default });
  const range = element("input", { type: "range", name, id, min: row.minimum, max: row.maximum, step: (row.maximum - row.minimum) / 100 || "any", value: row.default });
  range.addEventListener("input", () => (output.textContent = +(+range.value).toFixed(2)));
  field.append(range, output);
  return field;
}

function seed(name, id, row, field) {
  const number = element("input", { type: "number", name, id, min: row.minimum, max: row.maximum, step: 1, value: row.default });
  const dice = element("button", { type: "button", className: "quiet" });
  dice.innerHTML = '<svg aria-hidden="true"><use href="#i-dice"/></svg>';
  dice.setAttribute("aria-label", `Another ${name.replace(".seed", "")} by chance`);
  dice.addEventListener("click", () => {
    number.value = Math.floor(Math.random() * Math.min(row.maximum, 9999));
    number.dispatchEvent(new Event("input", { bubbles: true }));
  });
  field.append(number, dice);
  return field;
}
