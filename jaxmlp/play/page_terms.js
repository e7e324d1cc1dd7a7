// The numbers behind a number: a weight's gradient as the mean of products, and a unit's forward sum
// and delta. `found` is what `page.run.look` returns: the step that comes next, on its batch.
"use strict";

page.terms = (() => {
  const sum = (values) => values.reduce((a, b) => a + b, 0);

  // dL/dW_ij = 1/N sum_n a_i delta_j, with delta_j = dl_n/dz_j of each example n (lecture row D8). The
  // bias (`from` is "b") has the factor 1 in the place of a_i: a sum over the batch (lecture row D11).
  function ofWeight(course, found, layer, from, to) {
    const { net, state } = course, { N } = found.batch, { inputs, outputs } = net.layers[layer];
    const { x } = found.cache.layers[layer], delta = found.deltas[layer];
    const bias = from === "b", params = state.params[layer];
    const place = bias ? to : from * outputs + to, name = bias ? "b" : "W";
    const products = Array.from({ length: N }, (_, n) => {
      const a = bias ? 1 : x[n * inputs + from], d = N * delta[n * outputs + to];
      return { n, example: found.batch.places[n], a, delta: d, product: a * d };
    });
    return { bias, value: params[name][place], products, N, total: sum(products.map(({ product }) => product)),
      mean: sum(products.map(({ product }) => product)) / N, gradient: found.grads[layer][name][place],
      update: found.finite ? found.updates[layer][name][place] : 0, rate: found.rate, finite: found.finite };
  }

  function alphaOf(course, layer, unit) {
    const { alpha } = course.state.params[layer];
    if (!alpha) return course.net.layers[layer].alpha;
    return alpha[alpha.length === 1 ? 0 : unit];
  }

  // z_j = sum_i x_i w_ij + b_j and a_j = f(z_j), for example n of the batch (lecture row D3).
  function forwardOf(course, found, layer, unit, n) {
    const { inputs, outputs, activation } = course.net.layers[layer], { W, b } = course.state.params[layer];
    const { x, z, a } = found.cache.layers[layer];
    const rows = Array.from({ length: inputs }, (_, i) => {
      const value = x[n * inputs + i], w = W[i * outputs + unit];
      return { i, x: value, w, product: value * w };
    });
    return { rows, b: b[unit], z: z[n * outputs + unit], a: a[n * outputs + unit], activation };
  }

  // The factor of dropout on a unit in this batch: 1/p if it stays, 0 if it is dropped, 1 without.
  function kept(course, found, layer, unit, n) {
    const { masks } = found.batch, { outputs } = course.net.layers[layer];
    if (!masks || layer >= course.net.hidden.length) return 1;
    return masks[layer][n * outputs + unit] / (1 - course.net.dropout);
  }

  // delta_j = f'(z_j) sum_k w_jk delta_k, for example n (lecture row D8); of an output, dl/dz_j.
  function deltaOf(course, found, layer, unit, n) {
    const { net, state } = course, { N } = found.batch, { outputs } = net.layers[layer];
    const value = N * found.deltas[layer][n * outputs + unit];
    if (layer === net.layers.length - 1) return { output: true, value, ...outputOf(course, found, unit, n) };
    const next = net.layers[layer + 1], { W } = state.params[layer + 1];
    const rows = Array.from({ length: next.outputs }, (_, k) => {
      const w = W[unit * next.outputs + k], delta = N * found.deltas[layer + 1][n * next.outputs + k];
      return { k, w, delta, product: w * delta };
    });
    const { z, a } = found.cache.layers[layer], place = n * outputs + unit;
    const slope = jaxmlp.ACTIVATIONS[net.layers[layer].activation].derivative(z[place], a[place], alphaOf(course, layer, unit));
    return { output: false, value, rows, sum: sum(rows.map(({ product }) => product)), slope, kept: kept(course, found, layer, unit, n) };
  }

  // What an output says and what it should have said.
  function outputOf(course, found, unit, n) {
    const K = course.net.outputs, { outputs } = found.cache;
    const answers = jaxmlp.probabilities(course.data.task, outputs.subarray(n * K, (n + 1) * K), 1, K);
    const target = jaxmlp.targetRow(found.batch.targets, n, K)[unit];
    return { answer: course.data.task === "binary" ? answers[1] : answers[unit], target };
  }

  // For each unit of a layer, whether its slope is 0 on every example: it learns nothing (row B11).
  function deadUnits(course, cache, layer) {
    const { outputs, activation } = course.net.layers[layer], { z, a } = cache.layers[layer];
    const { derivative, forwardOnly } = jaxmlp.ACTIVATIONS[activation];
    const dead = new Array(outputs).fill(!forwardOnly);
    if (forwardOnly) return dead;
    for (let place = 0; place < z.length; place += 1) {
      const unit = place % outputs;
      if (dead[unit] && derivative(z[place], a[place], alphaOf(course, layer, unit)) !== 0) dead[unit] = false;
    }
    return dead;
  }

  // The root of the mean square.
  const size = (values) => Math.sqrt(sum(Array.from(values, (value) => value * value)) / values.length);

  return { ofWeight, forwardOf, deltaOf, deadUnits, size };
})();
