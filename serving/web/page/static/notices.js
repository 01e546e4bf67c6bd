// What is said over the page and goes by itself: it moves nothing.

const notices = document.getElementById("notices");

/** A button in a notice, as a link looks. */
export function link(words, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = words;
  button.addEventListener("click", act);
  return button;
}

/** Say words, with links among them; the last three stay, for twelve seconds, or as long as they are pointed at. */
export function say(...words) {
  const notice = document.createElement("div");
  const text = document.createElement("p");
  text.append(...words);
  const close = document.createElement("button");
  close.type = "button";
  close.setAttribute("aria-label", "Close");
  close.innerHTML = '<svg aria-hidden="true"><use href="#i-close"/></svg>';
  close.addEventListener("click", () => notice.remove());
  notice.append(text, close);
  let timer;
  const wait = () => (timer = setTimeout(() => notice.remove(), 12000));
  for (const kind of ["pointerenter", "focusin"]) notice.addEventListener(kind, () => clearTimeout(timer));
  for (const kind of ["pointerleave", "focusout"]) notice.addEventListener(kind, wait);
  wait();
  const others = [...notices.children].filter((each) => each.textContent !== notice.textContent);
  notices.replaceChildren(...others.slice(-2), notice);
  return notice;
}

export const hush = () => notices.replaceChildren();
