// The course of a training: a function of the setting alone, so each step can be taken back and again.
"use strict";

page.run = (() => {
  const { stream, lossOf, prepare } = page.data;
  const KEPT = 200; // states that can be gone back to, step by step
  const MOST_NUMBERS = 6e6; // in all states that are kept
  const MOST_POINTS = 300; // of a curve
  const MOST_WORK = 6e6; // products in one measurement

  const activationsOf = ({ hidden, act }) => hidden.map((_, l) => act[Math.min(l, act.length - 1)]);

  const makeRule = ({ opt, mu, decay }) => jaxmlp.makeRule({ optimizer: opt, momentum: mu, weight_decay: decay });

  function rateOf(setting, perEpoch) {
    return jaxmlp.SCHEDULES[setting.sched].make(setting.rate, setting.epochs * perEpoch);
  }

  // Returns a course before its first step.
  function begin(dataset, setting) {
    const data = prepare(dataset, setting);
    const net = jaxmlp.makeNetwork({ inputs: data.width, hidden: setting.hidden, activations: activationsOf(setting),
      outputs: data.outputs, dropout: setting.drop });
    const params = jaxmlp.initParams(net, setting.init, { scale: setting.scale }, stream(setting.seed, "weights"));
    const perEpoch = Math.ceil(data.train.N / Math.min(setting.batch, data.train.N));
    const lossName = lossOf(dataset, setting);
    const state = jaxmlp.begin({ net, params, loss: data.loss, rule: makeRule(setting), rate: rateOf(setting, perEpoch) });
    const numbers = 3 * jaxmlp.countOf(params);
    const course = { setting, dataset, data, net, state, lossName, perEpoch, score: data.task === "regression" ? "R²" : "accuracy",
      keep: Math.max(2, Math.min(KEPT, Math.floor(MOST_NUMBERS / numbers))), apart: 1, history: [state], points: [], gap: perEpoch > 8 ? 2 : 1, order: null, next: null };
    course.apart = Math.ceil(KEPT / course.keep); // steps between states that are kept
    measure(course);
    return course;
  }

  // The examples of step t, in an order drawn anew in each epoch.
  function batchAt(course, t) {
    const { data, setting, perEpoch, net } = course;
    const epoch = Math.floor(t / perEpoch), size = Math.min(setting.batch, data.train.N);
    if (course.order === null || course.order.epoch !== epoch)
      course.order = { epoch, places: stream(setting.seed, "order", epoch).permutation(data.train.N) };
    const places = course.order.places.subarray((t % perEpoch) * size, Math.min(data.train.N, (t % perEpoch + 1) * size));
    const { X, targets } = data.train, wide = targets.length / data.train.N;
    const masks = setting.drop > 0 ? jaxmlp.dropoutMasks(net, places.length, stream(setting.seed, "dropout", t)) : null;
    return { X: jaxmlp.takeRows(X, places, data.width), targets: jaxmlp.takeRows(targets, places, wide), N: places.length, masks, places };
  }

  // What the next step computes, without taking it: forward, backward and the updates.
  function look(course) {
    const { t } = course.state;
    if (course.next === null || course.next.t !== t) {
      const batch = batchAt(course, t);
      course.next = { t, batch, ...jaxmlp.step(course.state, batch) };
    }
    return course.next;
  }

  function advance(course) {
    const found = look(course);
    course.state = found.state;
    if (course.state.t % course.apart === 0) course.history.push(course.state);
    if (course.history.length > course.keep) course.history.shift();
  }

  function step(course) {
    advance(course);
    if (course.state.t % course.gap === 0) measure(course);
  }

  // Whether the step before is still known.
  const canGoBack = ({ state, history }) => state.t > 0 && history[0].t < state.t;

  // Returns to the state before the last step.
  function back(course) {
    if (!canGoBack(course)) return;
    const goal = course.state.t - 1;
    while (course.history[course.history.length - 1].t > goal) course.history.pop();
    course.state = course.history[course.history.length - 1];
    course.points = course.points.filter((point) => point.step <= goal);
    while (course.state.t < goal) advance(course);
    measure(course);
  }

  // How many examples of a part are measured: all of them, unless the network is large.
  const measuredOf = (course, part) =>
    Math.min(part.N, Math.max(50, Math.floor(MOST_WORK / jaxmlp.countOf(course.state.params))));

  // Returns loss and score on a part of the data.
  function judge(course, part) {
    const { net, state, data } = course, N = measuredOf(course, part), wide = part.targets.length / part.N;
    const outputs = jaxmlp.predict(net, jaxmlp.judged(state), part.X.subarray(0, N * data.width), N);
    const targets = part.targets.subarray(0, N * wide);
    return { loss: state.loss.value(outputs, targets, N, data.outputs), score: scoreOf(data, outputs, targets) };
  }

  // 1 - sum of squared errors / sum of squares around the mean of each value; of several quantiles
  // the middle one answers.
  function r2(outputs, targets, { outputs: width, loss }) {
    const each = loss.quantiles ? loss.quantiles.length : 1, middle = (array) => array.filter((_, place) => place % each === Math.floor(each / 2));
    const [answers, y] = [middle(outputs), middle(targets)], values = width / each, N = y.length / values;
    const means = new Float64Array(values);
    y.forEach((value, place) => { means[place % values] += value / N; });
    const spread = y.reduce((sum, value, place) => sum + (value - means[place % values]) ** 2, 0);
    return 1 - y.reduce((sum, value, place) => sum + (value - answers[place]) ** 2, 0) / (spread || 1);
  }

  // The share of right answers, yes or no, over all labels (lecture row E3).
  const rightLabels = (outputs, targets) => outputs.filter((z, place) => z > 0 === targets[place] > 0.5).length / outputs.length;

  // R² of values, else the share of right answers.
  function scoreOf(data, outputs, targets) {
    if (data.task === "regression") return r2(outputs, targets, data);
    if (data.task === "multilabel") return rightLabels(outputs, targets);
    return jaxmlp.accuracy(outputs, targets, outputs.length / data.outputs, data.outputs);
  }

  // Adds a point to the curves, unless the step has one; halves their points where there are many.
  function measure(course) {
    const { points, state } = course, last = points[points.length - 1];
    if (last && last.step === state.t) return last;
    const train = judge(course, course.data.train), test = judge(course, course.data.test);
    const point = { step: state.t, loss: train.loss, lossTest: test.loss, score: train.score, scoreTest: test.score };
    points.push(point);
    if (points.length > MOST_POINTS) {
      course.gap *= 2;
      course.points = points.filter(({ step }) => step % course.gap === 0 || step === state.t);
    }
    return point;
  }

  return { KEPT, begin, batchAt, look, step, back, canGoBack, judge, scoreOf, measure, measuredOf };
})();
