// How pictures come in: chosen, dropped, pasted, or taken with the camera. Each is looked at before it is taken: by its
// first bytes, which say what kind of file it is, and by opening it.

import { openCamera } from "./camera.js";

const $ = (id) => document.getElementById(id);

/** Which of the server's kinds a file is, by its beginning; null for none. A kind without one goes by its name. */
export async function kindOf(file, kinds) {
  const head = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  const text = String.fromCharCode(...head);
  const named = (kind) => kind.suffixes.some((suffix) => file.name?.toLowerCase().endsWith(suffix));
  return (
    kinds.find((kind) => kind.begins && new RegExp(`^(?:${kind.begins})`, "s").test(text)) ??
    kinds.find((kind) => !kind.begins && named(kind) && head.length) ??
    null
  );
}

/** Listen to all of them; `take(files)` gets what comes, `say(sentence)` what is to be said where nothing did. */
export function addIntake(take, say) {
  for (const input of [$("file"), $("native-camera")]) {
    const taken = () => {
      if (input.files.length) take([...input.files]);
      input.value = ""; // the same file may be chosen again
    };
    input.addEventListener("change", taken);
    taken(); // chosen before the page was ready
  }
  for (const id of ["choose", "hint"]) $(id).addEventListener("click", () => $("file").click());
  $("camera").addEventListener("click", () => openCamera(take, say));
  addDrop(take, say);
  addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length) take(files.map((file, n) => renamed(file, files.length > 1 ? `pasted-${n + 1}` : "pasted")));
    else if (!event.target.closest?.("input, textarea")) say("There is no picture on the clipboard.");
  });
}

/** Have the browser's dialog offer the server's kinds. */
export function offerKinds(kinds) {
  $("file").accept = ["image/*", ...kinds.flatMap((kind) => kind.suffixes)].join(",");
}

/** A clipboard calls everything `image.png`. */
function renamed(file, stem) {
  return /^image\.\w+$/.test(file.name) ? new File([file], file.name.replace("image", stem), { type: file.type }) : file;
}

function addDrop(take, say) {
  let depth = 0; // entering a child comes before leaving its parent
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].some((type) => type === "Files" || type === "text/uri-list");
  const shown = (is) => ($("dropping").hidden = !is);
  addEventListener("dragenter", (event) => carries(event) && shown(++depth > 0));
  addEventListener("dragleave", (event) => carries(event) && shown((depth = Math.max(0, depth - 1)) > 0));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", async (event) => {
    event.preventDefault();
    shown((depth = 0) > 0);
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const files = entries.some((entry) => entry.isDirectory) ? await within(entries) : [...event.dataTransfer.files];
    if (files.length) take(files);
    else if (entries.length) say("There is no file in this folder.");
    else say("Only files are taken: this page fetches nothing from addresses. Save the picture, then drop the file.");
  });
}

const HIDDEN = /^(\.|thumbs\.db$|desktop\.ini$)/i; // what systems leave in folders

/** The files below folders that were dropped, too. */
async function within(entries) {
  const found = [];
  for (const entry of entries) {
    if (entry.isFile && HIDDEN.test(entry.name)) continue;
    if (entry.isFile) found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    else {
      const reader = entry.createReader();
      for (let some; (some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))).length; )
        found.push(...(await within(some)));
    }
  }
  return found;
}
