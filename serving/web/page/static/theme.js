// Light, dark, or as the system has it; kept in this browser.

const button = document.getElementById("theme");
const THEMES = { "": "as the system has them", light: "light", dark: "dark" };

function use(theme) {
  document.documentElement.dataset.theme = theme;
  button.setAttribute("aria-label", `Colours: ${THEMES[theme]}`);
  button.title = `Colours: ${THEMES[theme]}`;
  try {
    if (theme) localStorage.setItem("i2i-theme", theme);
    else localStorage.removeItem("i2i-theme");
  } catch { /* not allowed: for this visit alone */ }
}

export function addTheme() {
  let now = "";
  try { now = localStorage.getItem("i2i-theme") ?? ""; } catch { /* likewise */ }
  use(now in THEMES ? now : "");
  const names = Object.keys(THEMES);
  button.addEventListener("click", () => use(names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length]));
}
