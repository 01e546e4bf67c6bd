// The settings: one row a control, as the server lists them. A change is sent at once; `changed` gets {name: value}.

const GROUPS = { data: "What is learnt", generator: "Generator G", discriminator: "Discriminator D", objective: "Loss and penalties", training: "Optimizers and length" };
const WORDS = {
  non_saturating: "non-saturating", least_squares: "least squares", relativistic_pairs: "relativistic, pairs", minimax: "minimax (saturating)",
};

const shown = (row, value) => {
  if (row.kind === "widths") return value.length ? value.join(", ") : "none (linear)";
  if (row.kind === "names") return value.join(", ") || "none";
  const place = row.choices.indexOf(value);
  return row.titles[place] ?? WORDS[value] ?? String(value);
};

export function addControls(form, rows, changed) {
  const fields = new Map();
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const [group, title] of Object.entries(GROUPS)) {
    const set = document.createElement("fieldset"), legend = document.createElement("legend");
    legend.textContent = title;
    set.append(legend);
    for (const row of rows.filter((one) => one.group === group)) set.append(field(row, fields, changed));
    form.append(set);
  }
  return {
    show(settings) {
      for (const [name, { row, put }] of fields) put(settings[name], row);
    },
  };
}

function field(row, fields, changed) {
  const label = document.createElement("label"), text = document.createElement("span");
  text.textContent = row.label;
  label.title = row.help + (row.anew ? " Another value begins anew." : "");
  label.dataset.name = row.name;
  label.append(text);
  if (row.kind === "names") {
    const box = document.createElement("span");
    box.className = "ticks";
    for (const choice of row.choices) {
      const tick = document.createElement("label"), input = document.createElement("input");
      input.type = "checkbox";
      input.value = choice;
      tick.append(input, choice === "rotate90" ? "quarter turns" : choice);
      box.append(tick);
    }
    const group = document.createElement("div");
    group.className = "field";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", row.label);
    group.title = label.title;
    group.append(text, box);
    const inputs = [...box.querySelectorAll("input")];
    for (const input of inputs) input.addEventListener("change", () => changed({ [row.name]: inputs.filter((one) => one.checked).map((one) => one.value) }));
    fields.set(row.name, { row, put: (value) => inputs.forEach((one) => { one.checked = value.includes(one.value); }) });
    return group;
  }
  const select = document.createElement("select");
  select.name = row.name;
  const keys = [];
  const offer = (value) => {
    const key = JSON.stringify(value);
    if (!keys.includes(key)) {
      keys.push(key);
      const option = new Option(shown(row, value), key);
      const at = typeof value === "number" ? [...select.options].findIndex((one) => JSON.parse(one.value) > value) : -1;
      select.add(option, at < 0 ? null : at);
    }
    return key;
  };
  row.choices.forEach(offer);
  const other = row.kind === "number" || row.kind === "whole" || row.kind === "widths";
  if (other) select.add(new Option("other …", "other"));
  const input = document.createElement("input");
  input.hidden = true;
  input.className = "other";
  input.setAttribute("aria-label", `${row.label}, another value`);
  const done = () => {
    if (input.hidden) return;
    input.hidden = true;
    select.hidden = false;
    const value = row.kind === "widths" ? input.value.split(/[\s,]+/).filter(Boolean).map(Number) : Number(input.value);
    if (input.value.trim() !== "") changed({ [row.name]: value });
    else select.value = select.dataset.now;
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") done();
    if (event.key === "Escape") { input.value = ""; done(); select.focus(); }
  });
  input.addEventListener("blur", done);
  select.addEventListener("change", () => {
    if (select.value !== "other") return changed({ [row.name]: JSON.parse(select.value) });
    select.hidden = true;
    input.hidden = false;
    input.value = "";
    input.placeholder = shown(row, JSON.parse(select.dataset.now));
    input.focus();
  });
  label.append(select, input);
  fields.set(row.name, {
    row,
    put(value) {
      const key = offer(value);
      select.dataset.now = key;
      if (document.activeElement !== select && !select.hidden) select.value = key;
    },
  });
  return label;
}
