// The page: its state, the loop of frames, and what the buttons do.
"use strict";

page.main = (() => {
  const { element } = page.inspect;
  const TRAINING = 6, DRAWING = 6; // milliseconds of a frame
  const CATCHING_UP = 12; // while the steps of a link are taken
  const SPEEDS = [[1, "1 step a second"], [5, "5 steps a second"], [20, "20 steps a second"], [60, "60 steps a second"], [Infinity, "as fast as it goes"]];
  const byId = (id) => document.getElementById(id);
  const content = JSON.parse(byId("content").textContent), lessons = JSON.parse(byId("lessons").textContent);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  const view = { course: null, playing: false, speed: 60, owed: 0, before: 0, goal: 0, selected: page.pick.usual(), example: 0, drawnAt: 0, frames: [], count: 0 };

  // what several drawings need, computed once for each step

  // The value of `compute(course)` at this step; while the network trains, one that is at most `age`
  // milliseconds old.
  function kept(compute, age) {
    let last = { course: null, step: -1, time: 0, value: null };
    return () => {
      const { course, playing } = view, { t } = course.state, time = performance.now();
      const good = last.course === course && (last.step === t || (playing && time - last.time < age));
      if (!good) last = { course, step: t, time, value: compute(course) };
      return last.value;
    };
  }

  const survey = kept((course) => page.output.survey(course), 50);
  const probe = kept((course) => {
    const probed = page.layers.probe(course);
    return { probed, dead: course.net.layers.map((_, l) => page.terms.deadUnits(course, probed, l)) };
  }, 100);

  function pictureOf(c, k) {
    const { course } = view;
    if (course.data.width <= 2) return page.output.unitPicture(course, survey(), c - 1, k);
    return c === 1 && course.dataset.picture ? page.weights.pictureOf(course, k) : null;
  }

  const tasks = {
    readouts,
    network() {
      page.network.draw(byId("network"), view.course, { pictures: pictureOf, dead: probe().dead.slice(0, -1), selected: view.selected });
    },
    output() {
      const { kind, layer } = view.selected, unit = kind === "unit" && layer < view.course.net.hidden.length && view.course.data.width <= 2 ? view.selected : null;
      byId("output-title").textContent = unit ? `Unit ${unit.to + 1} of layer ${layer + 1}` : page.words.titleOf(view.course);
      page.output.draw(byId("output"), view.course, survey(), unit);
    },
    curves() { page.curves.draw(byId("curves"), view.course.points, view.course.score); },
    layers() { page.layers.draw(byId("layers"), view.course, probe().probed, page.run.look(view.course), probe().dead); },
    inspector() {
      const found = page.run.look(view.course), { batch } = found;
      view.example = Math.min(view.example, batch.N - 1);
      page.pick.show(view.course.net, view.selected, batch, view.example);
      page.inspect.show(byId("inspected"), view.course, found, view.selected, view.example);
    },
    weights() { if (view.course.dataset.picture) page.weights.draw(byId("weights"), view.course); },
  };
  const PAUSES = { network: 50, output: 50, curves: 60, readouts: 60, layers: 120, inspector: 200, weights: 200 };
  const painter = page.painter.make(tasks, PAUSES);

  function readouts() {
    const { course } = view, { t } = course.state;
    const point = view.playing ? course.points[course.points.length - 1] : page.run.measure(course);
    const write = (id, text) => { byId(id).textContent = text; };
    const score = (value) => (course.score === "accuracy" ? `${(100 * value).toFixed(1)} %` : page.draw.short(value));
    write("read-step", String(t));
    write("read-epoch", (t / course.perEpoch).toFixed(2));
    write("read-loss", `${page.draw.short(point.loss)} / ${page.draw.short(point.lossTest)}`);
    write("read-score", `${score(point.score)} / ${score(point.scoreTest)}`);
    byId("back").disabled = !page.run.canGoBack(course);
    Object.assign(document.documentElement.dataset, { step: t, loss: point.loss });
    if (!view.playing) command();
  }

  function command() {
    byId("command").textContent = page.share.command(view.course);
  }

  // a setting

  function start(setting) {
    const dataset = content.datasets.find(({ name }) => name === setting.data);
    view.course = page.run.begin(dataset, setting);
    view.example = 0;
    view.selected = page.pick.fitting(view.selected, view.course.net);
    const goal = setting.step;
    setting.step = 0; // later links to this setting begin at its start
    pause();
    page.controls.show({ setting, dataset, content }, change);
    page.lessons.show(lessons, setting.lesson, take);
    page.layers.build(byId("layers"), view.course);
    page.words.show(view.course);
    page.share.offerFiles(view.course);
    history.replaceState(null, "", `#${page.setting.toHash(setting)}`);
    if (goal > 0) play(Infinity, goal);
  }

  function take(given, problems = []) {
    const { setting, problems: more } = page.check.repair(given, content.datasets);
    notice([...problems, ...more].join("; "));
    start(setting);
  }

  function change(name, text) {
    const { setting } = view.course;
    try {
      const next = { ...setting, [name]: page.setting.read(name, text) };
      if (name === "opt") followOptimizer(next);
      if (name === "data") Object.assign(next, { noise: null, train: 0, loss: suits(next) ? next.loss : "" });
      take(next);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      page.controls.complain(name, error.message);
    }
  }

  const suits = ({ data, loss }) => loss === "" || page.data.whyNot(content.datasets.find(({ name }) => name === data), loss) === "";

  // Another optimizer takes the rate, the momentum and the decay that are usual with it.
  function followOptimizer(setting) {
    const { rate, own, weight_decay: decay } = jaxmlp.OPTIMIZERS[setting.opt];
    Object.assign(setting, { rate, decay, mu: own.momentum ?? setting.mu });
  }

  function notice(text) {
    byId("notice").hidden = text === "";
    byId("notice").textContent = text;
  }

  // the loop

  function takeSteps(budget, most) {
    const begun = performance.now(), { course } = view;
    for (let taken = 0; taken < most; taken += 1) {
      if (page.run.look(course).finite === false) return stopped();
      page.run.step(course);
      if (course.state.t === view.goal) return pause();
      if (performance.now() - begun > budget) break;
    }
    return undefined;
  }

  function stopped() {
    pause();
    notice("The loss is no finite number any more, so there is no gradient to follow. The steps were too long: lower the learning rate, then press Reset.");
  }

  // How many steps the speed asks for after so many milliseconds; fractions are kept for later.
  function stepsDue(passed) {
    if (!Number.isFinite(view.speed)) return Infinity;
    view.owed = Math.min(view.speed, view.owed + view.speed * passed / 1000);
    const most = Math.floor(view.owed);
    view.owed -= most;
    return most;
  }

  function frame(time) {
    const begun = performance.now();
    if (view.playing) {
      const { t } = view.course.state, most = stepsDue(time - view.before);
      if (most > 0) takeSteps(view.goal > 0 ? CATCHING_UP : TRAINING, most);
      if (view.course.state.t !== t && !(calm.matches && time - view.drawnAt < 500)) {
        view.drawnAt = time;
        painter.mark();
      }
    }
    const trained = performance.now();
    if (painter.waits()) painter.work(DRAWING, view.playing);
    if (view.playing) record({ gap: time - view.before, training: trained - begun, drawing: performance.now() - trained });
    view.before = time;
    if (view.playing || painter.waits()) requestAnimationFrame(frame);
    else view.running = false;
  }

  function record(times) {
    view.count += 1;
    view.frames.push(times);
    if (view.frames.length > 600) view.frames.shift();
  }

  function wake() {
    if (view.running) return;
    view.running = true;
    view.before = performance.now();
    requestAnimationFrame(frame);
  }

  function paint(...names) {
    painter.mark(...names);
    wake();
  }

  // Plays at a speed, the chosen one if none is given, until the step `goal` if it is not 0.
  function play(speed = SPEEDS[byId("speed").selectedIndex][0], goal = 0) {
    Object.assign(view, { playing: true, speed, goal, owed: 1, frames: [] });
    byId("play").textContent = "Pause";
    wake();
  }

  function pause() {
    Object.assign(view, { playing: false, goal: 0 });
    byId("play").textContent = "Play";
    const { course } = view, { loss, score } = page.run.measure(course);
    byId("spoken").textContent = `Step ${course.state.t}, loss ${page.draw.short(loss)}, ${course.score} ${page.draw.short(score)}`;
    paint();
  }

  const ACTIONS = {
    play() { if (view.playing) pause(); else play(); },
    step() { pause(); takeSteps(Infinity, 1); pause(); },
    back() { pause(); page.run.back(view.course); notice(""); pause(); },
    epoch() {
      const { course } = view;
      play(Infinity, course.perEpoch * (Math.floor(course.state.t / course.perEpoch) + 1));
    },
    reset() { notice(""); start({ ...view.course.setting }); },
  };
  const KEYS = { p: "play", s: "step", b: "back", e: "epoch", r: "reset" };

  function listen() {
    for (const [name, action] of Object.entries(ACTIONS)) byId(name).addEventListener("click", action);
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, select, textarea, canvas");
      if (typing || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
      event.preventDefault();
      ACTIONS[KEYS[event.key]]();
    });
    byId("speed").append(...SPEEDS.map(([, text]) => element("option", text)));
    byId("speed").selectedIndex = 3;
    byId("speed").addEventListener("change", () => { if (view.playing) play(); });
    page.pick.listen(() => view, (selected) => { view.selected = page.pick.fitting(selected, view.course.net); paint(); }, (n) => { view.example = n; paint(); });
    page.share.listen(() => view.course);
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width !== width) paint();
      width = contentRect.width;
    }).observe(document.querySelector("main"));
    window.addEventListener("hashchange", fromAddress);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
    window.addEventListener("beforeprint", () => onPaper(true));
    window.addEventListener("afterprint", () => onPaper(false));
  }

  function repaint() {
    page.draw.forgetTheme();
    paint();
  }

  // Paper is white whatever the screen is.
  function onPaper(paper) {
    document.documentElement.classList.toggle("on-paper", paper);
    page.draw.forgetTheme();
    painter.mark();
    painter.work(Infinity);
  }

  function fromAddress() {
    const { setting, problems } = page.setting.fromHash(location.hash);
    take(setting, problems);
  }

  function begin() {
    if (innerWidth < 700) byId("settings-panel").open = false;
    page.controls.build(byId("settings"), change);
    page.lessons.build(lessons, take);
    listen();
    if (location.hash.length > 1) fromAddress();
    else take({ ...page.setting.usual(), data: content.datasets[0].name });
    page.trial.begin(content.run);
    document.documentElement.dataset.ready = "yes";
  }

  return { begin, view, take, actions: ACTIONS };
})();

page.main.begin();
