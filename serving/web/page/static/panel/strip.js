// The strip: what was translated or waits in this session, and the model's examples, as small pictures.

const $ = (id) => document.getElementById(id);
const STATES = {
  opening: "opening…", ready: "", waiting: "waiting", running: "working…", done: "done", failed: "failed",
};
const CHECK = '<svg aria-hidden="true"><use href="#i-check"/></svg>';

function tile(thumb, name, choose) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tile";
  const image = new Image();
  image.alt = "";
  image.loading = "lazy";
  image.addEventListener("error", () => (image.hidden = true));
  if (thumb) image.src = thumb;
  const state = document.createElement("span");
  state.className = "state";
  button.append(image, state);
  button.title = name;
  button.setAttribute("aria-label", name);
  button.addEventListener("click", choose);
  return button;
}

/** Draw every item anew where it changed; items keep their place and the focus. */
export function drawItems(items, selected, { choose, remove }) {
  const list = $("items");
  for (const item of items) {
    if (!item.row) {
      item.row = document.createElement("li");
      item.tile = tile(item.thumb, item.name, () => choose(item));
      const cross = document.createElement("button");
      cross.type = "button";
      cross.className = "remove";
      cross.setAttribute("aria-label", `Remove ${item.name}`);
      cross.innerHTML = '<svg aria-hidden="true"><use href="#i-close"/></svg>';
      cross.addEventListener("click", () => remove(item));
      item.row.append(item.tile, cross);
    }
    const image = item.tile.querySelector("img");
    if (item.thumb && image.src !== item.thumb) image.src = item.thumb;
    const words = STATES[item.state];
    item.tile.className = `tile ${item.state}`;
    const state = item.tile.querySelector(".state");
    if (item.state === "done") state.innerHTML = CHECK;
    else state.textContent = words;
    state.hidden = !words;
    item.tile.setAttribute("aria-label", words ? `${item.name}: ${words}` : item.name);
    item.tile.setAttribute("aria-current", String(item === selected));
  }
  const rows = items.map((item) => item.row);
  if (rows.length !== list.children.length || rows.some((row, n) => row !== list.children[n])) list.replaceChildren(...rows);
  const done = items.filter((item) => item.state === "done").length;
  const examples = $("examples").children.length;
  const yours = items.length > 1 && done ? `${done} of ${items.length} done` : `Your pictures (${items.length})`;
  $("strip-title").textContent = items.length ? yours : examples ? "Try one of these" : "";
  $("or").hidden = !items.length || !examples;
  $("download-all").hidden = done < 2;
  $("clear").hidden = !items.length;
}

/** The examples of a model: [{ name, thumb }]. */
export function drawExamples(examples, choose) {
  $("examples").replaceChildren(
    ...examples.map((example, n) => {
      const row = document.createElement("li");
      const button = tile(example.thumb, example.name, () => choose(n));
      button.setAttribute("aria-label", `Example ${n + 1}: ${example.name}`);
      button.querySelector(".state").hidden = true;
      row.append(button);
      return row;
    }),
  );
}

export function markExample(number) {
  [...$("examples").children].forEach((row, n) => row.firstChild.setAttribute("aria-current", String(n === number)));
}

/** Scroll the strip, and nothing else, until the small picture of an item is seen. */
export function bringIn({ tile }) {
  const rows = $("rows");
  const [{ left, right }, row] = [tile.getBoundingClientRect(), rows.getBoundingClientRect()];
  if (left < row.left || right > row.right) rows.scrollLeft += left - row.left - 12;
}
