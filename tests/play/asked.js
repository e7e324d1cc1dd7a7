// What the tests of the page ask for: each a function of JSON that returns JSON.

const dataset = (name) => content.datasets.find((one) => one.name === name);
const courseOf = (given, steps = 0) => {
  const setting = page.setting.complete(given);
  const course = page.run.begin(dataset(setting.data), setting);
  course.gap = 1e9; // measured at the end alone
  for (let t = 0; t < steps; t += 1) page.run.step(course);
  return course;
};
const paramsOf = ({ state }) => state.params.map(({ W, b }) => [[...W], [...b]]);
const deadOf = (course) => {
  const probed = page.layers.probe(course);
  return course.net.hidden.map((_, l) => page.terms.deadUnits(course, probed, l).filter(Boolean).length);
};

const asked = {
  fields: () => Object.keys(page.setting.FIELDS),
  complete: (given) => page.setting.complete(given),
  hash: (given) => page.setting.toHash(page.setting.complete(given)),
  unhash: (text) => page.setting.fromHash(text),
  repair: (given) => page.check.repair(given, content.datasets),
  idle: (given) => page.check.idle(page.setting.complete(given), dataset(given.data)),
  command: (given) => page.share.command(courseOf(given)),
  params: ([given, steps]) => paramsOf(courseOf(given, steps)),
  result: ([given, steps]) => {
    const course = courseOf(given, steps);
    return { ...page.run.measure(course), weights: paramsOf(course), gradients: page.run.look(course).grads.map(({ W }) => page.terms.size(W)),
      dead: deadOf(course) };
  },
  back: ([given, steps, undone]) => {
    const course = courseOf(given, steps);
    const seen = [paramsOf(course)];
    for (let k = 0; k < undone; k += 1) page.run.back(course);
    seen.push(paramsOf(course), course.points.map(({ step }) => step));
    for (let k = 0; k < undone; k += 1) page.run.step(course);
    return [...seen, paramsOf(course)];
  },
  reach: ([given, steps]) => {
    const course = courseOf(given, steps);
    let undone = 0;
    while (page.run.canGoBack(course)) { page.run.back(course); undone += 1; }
    return undone;
  },
  points: ([given, steps]) => {
    const setting = page.setting.complete(given), course = page.run.begin(dataset(setting.data), setting);
    for (let t = 0; t < steps; t += 1) page.run.step(course);
    return course.points.map(({ step }) => step);
  },
  weights: ([given, steps]) => { // of each weight and bias what is shown, beside the engine's gradient
    const course = courseOf(given, steps), found = page.run.look(course), shown = [];
    course.net.layers.forEach(({ inputs, outputs }, layer) => {
      for (const from of [...Array(inputs).keys(), "b"]) for (let to = 0; to < outputs; to += 1) {
        const terms = page.terms.ofWeight(course, found, layer, from, to), { W, b } = found.grads[layer];
        const sum = terms.products.reduce((total, { a, delta }) => total + a * delta, 0);
        shown.push([sum / terms.N, terms.mean, from === "b" ? b[to] : W[from * outputs + to]]);
      }
    });
    return shown;
  },
  units: ([given, steps]) => { // of each unit the sums that are shown, beside the engine's z, a and delta
    const course = courseOf(given, steps), found = page.run.look(course), shown = [], last = course.net.layers.length - 1;
    course.net.layers.forEach(({ outputs, activation }, layer) => {
      const { z, a } = found.cache.layers[layer];
      for (let unit = 0; unit < outputs; unit += 1) for (let n = 0; n < found.batch.N; n += 1) {
        const place = n * outputs + unit, forward = page.terms.forwardOf(course, found, layer, unit, n);
        const back = page.terms.deltaOf(course, found, layer, unit, n), delta = found.batch.N * found.deltas[layer][place];
        const sum = forward.rows.reduce((total, { x, w }) => total + x * w, forward.b);
        const up = layer === last ? back.value : back.rows.reduce((total, row) => total + row.w * row.delta, 0) * back.slope * back.kept;
        shown.push([sum, forward.z, z[place]], [jaxmlp.ACTIVATIONS[activation].value(forward.z, 0.01), forward.a, a[place]], [up, back.value, delta]);
      }
    });
    return shown;
  },
  score: ([task, outputs, quantiles, z, y]) => page.run.scoreOf(
    { task, outputs, loss: quantiles ? jaxmlp.quantileOf(quantiles) : jaxmlp.LOSSES.mse },
    Float64Array.from(z), task === "multiclass" ? Int32Array.from(y) : Float64Array.from(y)),
  answer: (given) => {
    const course = courseOf(given), found = page.run.look(course), last = course.net.layers.length - 1;
    return page.terms.deltaOf(course, found, last, 0, 0);
  },
  digit: ([pixels, height, width, form]) => {
    const found = page.digit.centred(Float64Array.from(pixels), height, width, form);
    return found && [...found];
  },
  paint: (costs) => { // tasks of so many milliseconds each, drawn within 6 a frame
    let now = 0;
    const done = [], tasks = Object.fromEntries(Object.entries(costs).map(([name, cost]) => [name, () => { now += cost; done.push(name); }]));
    const painter = page.painter.make(tasks, { slow: 1000 }, () => now), frames = [];
    for (let frame = 0; frame < 4; frame += 1) {
      painter.mark();
      painter.work(6, true);
      frames.push(done.splice(0));
      now += 1;
    }
    return frames;
  },
  keys: (pressed) => {
    const drawing = page.pad.empty();
    return [pressed.map((key) => page.pad.pressed(drawing, key)), drawing.lines];
  },
  moves: ([selected, keys]) => keys.reduce((now, key) => page.pick.moved(now, courseOf({ hidden: [3, 2] }).net, key), selected),
};
