// Drawing within a budget of time, apart from training: what waited longest comes first.
"use strict";

page.painter = (() => {
  // `tasks` are functions by name, `pauses` milliseconds between two drawings of a task while a network
  // trains. `work(budget, hurried)` draws what is marked for so many milliseconds, at least one of
  // them; what does not fit waits for the next frame.
  function make(tasks, pauses, clock = () => performance.now()) {
    const waiting = new Set(), drawn = Object.fromEntries(Object.keys(tasks).map((name) => [name, { turn: 0, time: -Infinity }]));
    let turn = 0;
    const mark = (...names) => { for (const name of names.length ? names : Object.keys(tasks)) waiting.add(name); };
    function work(budget, hurried = false) {
      const start = clock();
      const due = [...waiting].filter((name) => !hurried || start - drawn[name].time >= (pauses[name] || 0));
      for (const name of due.sort((a, b) => drawn[a].turn - drawn[b].turn)) {
        waiting.delete(name);
        drawn[name] = { turn: turn += 1, time: start };
        tasks[name]();
        if (clock() - start >= budget) break;
      }
    }
    return { mark, work, waits: () => waiting.size > 0 };
  }

  return { make };
})();
