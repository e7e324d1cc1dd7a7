// Step by step: the arrow keys, Home, End and Escape, the buttons, and addresses such as #step-5.
// Without this script, on paper, and before the first key, every step is visible.
"use strict";
(() => {
  const steps = [...document.querySelectorAll(".step")];
  const marks = [...document.querySelectorAll("[data-step]")];
  const names = new Map(steps.map((step, i) => [step.dataset.name, i + 1]));
  const place = document.getElementById("place");
  let now = 0; // the number of the step shown last; 0 for all of them

  // what stands between steps is seen with the step before it, a section with its first step
  function follow() {
    let before = 0;
    for (const part of document.querySelectorAll(".step, .after, section")) {
      if (part.matches(".step")) before += 1;
      const first = part.matches("section") && part.querySelector(".step") ? before + 1 : before;
      if (!part.matches(".step")) part.classList.toggle("later", now > 0 && first > now);
    }
  }

  function show(number, focus) {
    now = Math.max(0, Math.min(number, steps.length));
    document.body.classList.toggle("stepping", now > 0);
    const mark = (element, i) => {
      element.classList.toggle("later", now > 0 && i > now);
      element.classList.toggle("now", now > 0 && i === now);
    };
    steps.forEach((step, i) => mark(step, i + 1));
    marks.forEach((element) => mark(element, names.get(element.dataset.step)));
    follow();
    place.textContent = now ? `step ${now} of ${steps.length}` : `all ${steps.length} steps`;
    history.replaceState(null, "", now ? `#step-${now}` : location.pathname + location.search);
    if (!now) return;
    const step = steps[now - 1];
    step.tabIndex = -1;
    if (focus) step.focus({ preventScroll: true });
    const lit = marks.find((one) => one.classList.contains("now"));
    const frame = lit && lit.closest(".wide");
    if (frame) {
      const ends = [lit, frame].map((element) => element.getBoundingClientRect());
      frame.scrollLeft += ends[0].left - ends[1].left - ends[1].width / 2;
      frame.scrollTop += ends[0].top - ends[1].top - ends[1].height / 2;
    }
    step.scrollIntoView({ block: frame ? "nearest" : "center" });
  }

  const go = {
    first: () => 1,
    back: () => Math.max(1, now - 1),
    next: () => now + 1,
    last: () => steps.length,
    all: () => 0,
  };
  const keys = {
    ArrowRight: "next", ArrowLeft: "back", Home: "first", End: "last", Escape: "all",
  };
  document.addEventListener("keydown", (event) => {
    const way = keys[event.key];
    if (!way || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (way === "all" && !now) return;
    if (event.target.closest(".wide")) return; // there they move a wide drawing
    event.preventDefault();
    show(go[way](), true);
  });
  document.querySelector("nav").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) show(go[button.dataset.go](), false);
  });
  const read = () => {
    const found = /^#step-(\d+)$/.exec(location.hash);
    if (found) show(Number(found[1]), false);
  };
  addEventListener("hashchange", read);
  if (!steps.length) return;
  document.querySelector("nav").hidden = false;
  place.textContent = `all ${steps.length} steps`;
  read();
})();
