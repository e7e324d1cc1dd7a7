// The data of a setting: noise, the part to train on and the scaling; and which losses suit them.
"use strict";

page.data = (() => {
  const PREPARATIONS = ["usual", "none"]; // the scaling that jaxmlp.train takes, or none

  // A stream of random numbers of its own for each purpose: so a step can be taken again.
  const PURPOSES = { weights: 0, order: 1, dropout: 2 };
  function stream(seed, purpose, number = 0) {
    return jaxmlp.makeRandom(seed + 2 ** 32 * (PURPOSES[purpose] * 2 ** 18 + number % 2 ** 18));
  }

  const lossOf = (dataset, setting) => setting.loss || jaxmlp.LOSSES_OF[dataset.task][0];

  // Why a loss does not suit a data set; "" if it does.
  function whyNot(dataset, loss) {
    const losses = jaxmlp.LOSSES_OF[dataset.task];
    if (losses.includes(loss)) return "";
    const kinds = { multiclass: "classes", binary: "two classes", multilabel: "labels", regression: "numbers" };
    return `${dataset.title} has ${kinds[dataset.task]} to learn`;
  }

  // What was opened last: data are large, and most changes of a setting leave them.
  let opened = { key: null, data: null };
  function open(dataset, loss, noise) {
    const key = [dataset.name, loss, noise].join(" ");
    if (opened.key !== key) opened = { key, data: jaxmlp.open(dataset, loss, noise) };
    return opened.data;
  }

  // The scaling of the inputs: that of the data set, fitted anew to a part of it, or none.
  function scalingOf(dataset, found, setting, raw, N) {
    const { preprocessing } = found;
    if (setting.prep === "none" && !dataset.picture) return { kind: "none", offset: [0], scale: [1], bend: null };
    return N < found.N && preprocessing.kind === "zscore" ? jaxmlp.fitZscore(raw, N, dataset.inputs) : preprocessing;
  }

  // Returns `{task, outputs, loss, width, scaling, train, test}`; each part is `{X, raw, y, targets, N}`.
  function prepare(dataset, setting) {
    const found = open(dataset, lossOf(dataset, setting), setting.noise), width = dataset.inputs;
    const N = Math.min(setting.train || found.N, found.N), share = (array) => array.subarray(0, N * array.length / found.N);
    const raw = share(found.raw), scaling = scalingOf(dataset, found, setting, raw, N);
    const scaled = (X, old) => (scaling === found.preprocessing ? old : jaxmlp.scaled(scaling, X));
    const train = { X: scaled(raw, share(found.X)), raw, y: share(found.labels), targets: share(found.targets), N };
    const test = { X: scaled(found.rawTest, found.XTest), raw: found.rawTest, y: found.labelsTest, targets: found.targetsTest, N: found.NTest };
    return { task: found.task, outputs: found.outputs, loss: found.loss, width, scaling, train, test };
  }

  return { PREPARATIONS, stream, lossOf, whyNot, prepare };
})();
