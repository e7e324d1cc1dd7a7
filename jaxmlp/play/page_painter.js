// Drawing within a budget of time, apart from training: what waited longest comes first.
"use strict";

page.painter = (() => {
  // `tasks` are functions by name. `work(budget)` draws what is marked for so many milliseconds, and at
  // least one of them; what does not fit waits for the next frame.
  function make(tasks, clock = () => performance.now()) {
    const waiting = new Set(), drawn = Object.fromEntries(Object.keys(tasks).map((name) => [name, 0]));
    let turn = 0;
    const mark = (...names) => { for (const name of names.length ? names : Object.keys(tasks)) waiting.add(name); };
    function work(budget) {
      const start = clock();
      for (const name of [...waiting].sort((a, b) => drawn[a] - drawn[b])) {
        waiting.delete(name);
        drawn[name] = turn += 1;
        tasks[name]();
        if (clock() - start >= budget) break;
      }
    }
    return { mark, work, waits: () => waiting.size > 0 };
  }

  return { make };
})();
