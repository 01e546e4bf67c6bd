// Masks and references that a model takes beside the picture: painted over it, or a file of one's own. They belong to the
// picture (`item.beside`, by port), at its size.

const $ = (id) => document.getElementById(id);
const fields = $("beside");
const dialog = $("mask-dialog");
const capital = (name) => name.charAt(0).toUpperCase() + name.slice(1);

let ports = {};

/** Build the controls for a model's ports, { name: kind }; `onChange(item)` is called when a picture has another. */
export function build(pictures, current, onChange) {
  ports = pictures ?? {};
  fields.replaceChildren(...Object.entries(ports).map(([name, kind]) => {
    const field = Object.assign(document.createElement("div"), { className: "field" });
    field.setAttribute("role", "group");
    field.setAttribute("aria-label", capital(name));
    const file = Object.assign(document.createElement("input"), { type: "file", accept: "image/*", hidden: true });
    file.onchange = () => file.files[0] && give(current(), name, file.files[0], onChange);
    const button = (text, act) => Object.assign(document.createElement("button"), { type: "button", textContent: text, onclick: act });
    const title = Object.assign(document.createElement("span"), { textContent: capital(name), className: "title" });
    field.append(title, file, button("File", () => ((file.value = ""), file.click())));
    if (kind === "mask") field.append(button("Paint", () => paint(current(), name, onChange)));
    field.append(Object.assign(document.createElement("output"), { name }));
    return field;
  }));
}

/** Show which of them the picture has. */
export function draw(item) {
  for (const output of fields.querySelectorAll("output")) output.textContent = item?.beside?.[output.name] ? "✓" : "none";
  for (const button of fields.querySelectorAll("button")) button.disabled = !item?.width || item.example;
}

/** The name of one that the picture lacks. */
export const lacking = (item) => Object.keys(ports).find((name) => !item.beside?.[name]);

async function give(item, name, file, onChange) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!item || !bitmap) return onChange(item, `“${file.name}” cannot be shown.`);
  const canvas = Object.assign(document.createElement("canvas"), { width: item.width, height: item.height });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = ports[name] !== "mask"; // no grey at a mask's edges
  context.drawImage(bitmap, 0, 0, item.width, item.height);
  put(item, name, canvas, onChange);
}

/** A dialog in which the picture is painted over; what is white is the mask. */
function paint(item, name, onChange) {
  const area = $("mask-area");
  const canvas = item.painted?.[name] ?? Object.assign(document.createElement("canvas"), { width: item.width, height: item.height });
  const context = canvas.getContext("2d");
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
  };
  Object.assign(context, { strokeStyle: "#fff", lineCap: "round", lineJoin: "round" });
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    context.lineWidth = Math.max(1, (+$("brush").value / 100) * Math.min(canvas.width, canvas.height));
    context.beginPath();
    context.moveTo(...at(event));
    context.lineTo(...at(event));
    context.stroke();
    canvas.onpointermove = (move) => {
      context.lineTo(...at(move));
      context.stroke();
    };
  };
  canvas.onpointerup = canvas.onpointercancel = () => (canvas.onpointermove = null);
  const picture = Object.assign(document.createElement("img"), { src: item.url, alt: "", draggable: false });
  area.style.aspectRatio = `${item.width} / ${item.height}`; // before it is shown: the dialog keeps its size
  area.replaceChildren(picture, canvas);
  $("mask-clear").onclick = () => context.clearRect(0, 0, canvas.width, canvas.height);
  $("mask-done").onclick = () => {
    item.painted = { ...item.painted, [name]: canvas };
    const whole = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
    const black = whole.getContext("2d");
    black.fillRect(0, 0, whole.width, whole.height);
    black.drawImage(canvas, 0, 0);
    put(item, name, whole, onChange);
    dialog.close();
  };
  dialog.showModal();
}

function put(item, name, canvas, onChange) {
  canvas.toBlob((blob) => {
    item.beside = { ...item.beside, [name]: blob };
    onChange(item);
  }, "image/png");
}
