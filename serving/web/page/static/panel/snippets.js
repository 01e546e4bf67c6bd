// The request for the picture on the screen, as others can make it: by curl, and by Python without anything installed.

import { query } from "../api.js";

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const python = (text) => JSON.stringify(text).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** `item` has name, model, settings and target, the name of the result; a server `withKey` gets it from I2I_KEY. */
export function snippets(item, withKey, base = new URL(".", document.baseURI).href) {
  const url = `${base}v1/translate?${query(item.model, item.settings)}`;
  const key = withKey ? ', "Authorization": f"Bearer {os.environ[\'I2I_KEY\']}"' : "";
  const beside = Object.keys(item.used ?? {});
  const files = [["image", item.name], ...beside.map((name) => [name, `${name}.png`])];
  return {
    curl: [
      beside.length ? `curl --fail ${files.map(([name, file]) => `-F ${shell(`${name}=@${file}`)}`).join(" ")}` : `curl --fail --data-binary ${shell(`@${item.name}`)}`,
      ...(withKey ? ['  -H "Authorization: Bearer $I2I_KEY"'] : []),
      `  ${shell(url)}`,
      `  -o ${shell(item.target)}`,
    ].join(" \\\n"),
    python: beside.length ? [
      "# pip install httpx",
      ...(withKey ? ["import os"] : []),
      "from pathlib import Path",
      "import httpx",
      "",
      `files = {${files.map(([name, file]) => `${python(name)}: Path(${python(file)}).read_bytes()`).join(", ")}}`,
      `answer = httpx.post(${python(url)}, files=files, timeout=300${withKey ? ", headers={\"Authorization\": f\"Bearer {os.environ['I2I_KEY']}\"}" : ""})`,
      `Path(${python(item.target)}).write_bytes(answer.raise_for_status().content)`,
    ].join("\n") : [
      ...(withKey ? ["import os"] : []),
      "from pathlib import Path",
      "from urllib.request import Request, urlopen",
      "",
      `picture = Path(${python(item.name)}).read_bytes()`,
      `url = ${python(url)}`,
      `headers = {"Content-Type": "application/octet-stream"${key}}`,
      "with urlopen(Request(url, picture, headers)) as answer:",
      `    Path(${python(item.target)}).write_bytes(answer.read())`,
    ].join("\n"),
  };
}

const dialog = document.getElementById("code");
const text = document.getElementById("snippet");
const tabs = dialog.querySelectorAll("[data-language]");

export function showCode(item, withKey) {
  const code = snippets(item, withKey);
  const choose = (language) => {
    text.textContent = code[language];
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.language === language));
  };
  for (const tab of tabs) tab.onclick = () => choose(tab.dataset.language);
  choose("curl");
  dialog.showModal();
}

const copy = document.getElementById("copy");
copy.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(text.textContent);
  } catch {
    getSelection().selectAllChildren(text); // not allowed, or the page came without TLS: the old way
    document.execCommand("copy");
  }
  copy.textContent = "Copied";
  setTimeout(() => (copy.textContent = "Copy"), 1500);
});
