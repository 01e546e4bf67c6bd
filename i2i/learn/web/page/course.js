// The course: a lesson at a time. A lesson sets up its training; what is done with it is the visitor's.

export function addCourse(box, lessons, { begin, set }) {
  let at = 0;
  const show = (begins) => {
    const lesson = lessons[at];
    const head = document.createElement("p"), title = document.createElement("h2"), look = document.createElement("p"), teaches = document.createElement("p");
    head.className = "small";
    head.textContent = `Lesson ${at + 1} of ${lessons.length}`;
    title.textContent = lesson.title;
    look.textContent = lesson.look;
    teaches.textContent = lesson.teaches;
    teaches.className = "teaches";
    const then = document.createElement("div");
    then.className = "then";
    for (const [says, settings] of lesson.then) then.append(button(says, () => set(settings)));
    const move = document.createElement("div");
    move.className = "move";
    const back = button("Back", () => go(at - 1)), next = button("Next", () => go(at + 1));
    back.disabled = at === 0;
    next.disabled = at === lessons.length - 1;
    next.classList.add("primary");
    next.id = "next-lesson";
    move.append(back, button("Set up again", () => begin(at, lesson)), next);
    box.replaceChildren(head, title, look, teaches, then, move);
    if (begins) begin(at, lesson);
  };
  const go = (place) => {
    at = place;
    show(true);
    box.querySelector("#next-lesson").focus({ preventScroll: true });
  };
  show(false);
  let begun = false;
  return {
    open() {
      if (begun) return;
      begun = true;
      begin(at, lessons[at]);
    },
  };
}

function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", act);
  return made;
}
