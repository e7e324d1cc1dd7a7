// The lessons: prepared settings, each with a claim of the lectures, a question and a folded answer.
"use strict";

page.lessons = (() => {
  const byId = (id) => document.getElementById(id);
  const { element } = page.inspect;

  // The setting of a lesson, complete.
  const settingOf = (lesson) => page.setting.complete({ ...lesson.set, lesson: lesson.id });

  // The setting after one of the lesson's buttons: what it changes from the lesson's own.
  const triedOf = (lesson, change) => page.setting.complete({ ...lesson.set, ...change, lesson: lesson.id });

  // Builds the list; `take(setting)` is called with the setting of what a reader chooses.
  function build(lessons, take) {
    const select = byId("lesson");
    select.append(element("option", "Free play", { value: "" }));
    lessons.forEach((lesson, k) => select.append(element("option", `${k + 1}. ${lesson.title}`, { value: lesson.id })));
    const choose = (id) => {
      const lesson = lessons.find((one) => one.id === id);
      take(lesson ? settingOf(lesson) : page.setting.usual());
    };
    select.addEventListener("change", () => choose(select.value));
    const ids = ["", ...lessons.map(({ id }) => id)];
    const move = (step) => choose(ids[(ids.indexOf(select.value) + step + ids.length) % ids.length]);
    byId("lesson-before").addEventListener("click", () => move(-1));
    byId("lesson-next").addEventListener("click", () => move(1));
  }

  function show(lessons, id, take) {
    const lesson = lessons.find((one) => one.id === id);
    byId("lesson").value = lesson ? id : "";
    byId("lesson-title").textContent = lesson ? lesson.title : "Free play";
    byId("lesson-text").textContent = lesson ? `${lesson.text} (Lecture row${lesson.rows.length > 1 ? "s" : ""} ${lesson.rows.join(", ")}.)`
      : "Change anything below and see what it does. A lesson is a prepared setting with a question.";
    const tries = byId("lesson-try");
    tries.replaceChildren();
    if (lesson) {
      const button = (text, setting) => {
        const made = element("button", text, { type: "button" });
        made.addEventListener("click", () => take(setting));
        return made;
      };
      tries.append(`Play about ${lesson.steps} steps. Then compare: `, button("the lesson's setting", settingOf(lesson)));
      for (const { text, set } of lesson.tries) tries.append(" ", button(text, triedOf(lesson, set)));
    }
    byId("lesson-question").textContent = lesson ? lesson.question : "";
    byId("lesson-answer").hidden = !lesson;
    byId("lesson-answer").open = false;
    byId("lesson-answer").querySelector("p").textContent = lesson ? lesson.answer : "";
  }

  return { settingOf, triedOf, build, show };
})();
