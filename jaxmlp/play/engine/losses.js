// Losses of a batch, each with its gradient beside it (lecture rows A3, A4, B9, C2, D6, E3).
//
// `each(z, y)` is the loss of one example, `slopes(z, y)` its gradient dl/dz; z are the raw outputs
// (K), and y the target (K). `value(outputs, targets, N, K)` is the mean over the batch, and
// `gradient(outputs, targets, N, K)` its gradient (N, K). Targets are classes, an Int32Array (N)
// that becomes one-hot rows, or numbers, a Float64Array (N, K). An output activation is inside its
// loss, whose argument is the logits.

jaxmlp.softmax = (z) => {
  const most = z.reduce((a, b) => Math.max(a, b), -Infinity);
  const e = z.map((value) => Math.exp(value - most));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((value) => value / sum);
};

// Returns a target as numbers (K), lecture row A2.
jaxmlp.targetRow = (targets, n, K) => {
  if (!(targets instanceof Int32Array)) return targets.subarray(n * K, (n + 1) * K);
  const row = new Float64Array(K);
  row[targets[n]] = 1;
  return row;
};

const total = (row) => row.reduce((a, b) => a + b, 0);
const times = (factor, value) => (factor === 0 ? 0 : factor * value); // also 0 times infinity
const sumOf = (f) => (z, y) => { // the sum over the outputs of f(z_k, y_k)
  let sum = 0;
  for (let k = 0; k < z.length; k += 1) sum += f(z[k], y[k]);
  return sum;
};
const slopesOf = (f) => (z, y) => z.map((value, k) => f(value, y[k]));
const logSoftmax = (z) => {
  const most = z.reduce((a, b) => Math.max(a, b), -Infinity);
  const log = Math.log(total(z.map((value) => Math.exp(value - most))));
  return z.map((value) => value - most - log);
};

// Completes a loss of one example by the mean over a batch.
const makeLoss = (definition) => ({
  ...definition,
  value(outputs, targets, N, K) {
    let sum = 0;
    for (let n = 0; n < N; n += 1) {
      sum += definition.each(outputs.subarray(n * K, (n + 1) * K), jaxmlp.targetRow(targets, n, K));
    }
    return sum / N;
  },
  gradient(outputs, targets, N, K) {
    const dz = new Float64Array(N * K);
    for (let n = 0; n < N; n += 1) {
      const z = outputs.subarray(n * K, (n + 1) * K);
      const slopes = definition.slopes(z, jaxmlp.targetRow(targets, n, K));
      for (let k = 0; k < K; k += 1) dz[n * K + k] = slopes[k] / N;
    }
    return dz;
  },
});

const squared = {
  each: sumOf((z, y) => (z - y) ** 2),
  slopes: slopesOf((z, y) => 2 * (z - y)),
};

// The Huber loss, squared near the target and straight from an error of delta on.
jaxmlp.huberOf = (delta) => {
  const cut = (r) => (Math.abs(r) <= delta ? r : delta * Math.sign(r));
  return makeLoss({
    each: sumOf((z, y) => cut(z - y) * (z - y - cut(z - y) / 2)),
    slopes: slopesOf((z, y) => cut(z - y)),
    formula: "r²/2 for |r| ≤ 1, else |r| − 1/2, with r = z − y",
    slope: "r, cut to [−1, 1]",
    row: "Huber 1964",
  });
};

// The quantile loss; of Q quantiles, each value has Q outputs in a row, and its target stands Q times.
jaxmlp.quantileOf = (quantiles) => {
  const slope = (r, k) => {
    const q = quantiles[k % quantiles.length];
    return r > 0 ? q : r < 0 ? q - 1 : r;
  };
  return makeLoss({
    each: (z, y) => total(z.map((value, k) => times(slope(y[k] - value, k), y[k] - value))),
    slopes: (z, y) => z.map((value, k) => -slope(y[k] - value, k)),
    quantiles,
    formula: "q r for r ≥ 0, else (q − 1) r, with r = y − z",
    slope: "−q for r > 0, 1 − q for r < 0",
    row: "Koenker and Bassett 1978",
  });
};

jaxmlp.LOSSES = {
  cross_entropy: makeLoss({
    each: (z, y) => {
      const log = logSoftmax(z);
      return -total(log.map((value, k) => times(y[k], value)));
    },
    slopes: (z, y) => {
      const [a, all] = [jaxmlp.softmax(z), total(y)];
      return a.map((value, k) => value * all - y[k]);
    },
    formula: "L = −Σ y log a, a = softmax(z)",
    slope: "a − y",
    row: "A4",
  }),
  binary_cross_entropy: makeLoss({
    each: sumOf((z, y) => times(y, jaxmlp.softplus(-z)) + times(1 - y, jaxmlp.softplus(z))),
    slopes: slopesOf((z, y) => jaxmlp.sigmoid(z) - y),
    formula: "L = −Σ y log a + (1 − y) log(1 − a), a = σ(z)",
    slope: "a − y",
    row: "B9",
  }),
  softmax_squared_error: makeLoss({
    each: (z, y) => squared.each(jaxmlp.softmax(z), y),
    slopes: (z, y) => { // dl/dz_j = a_j (g_j - sum_i g_i a_i), the softmax Jacobian times g
      const a = jaxmlp.softmax(z);
      const g = squared.slopes(a, y);
      const mean = total(a.map((value, k) => value * g[k]));
      return a.map((value, k) => value * (g[k] - mean));
    },
    formula: "L = Σ (a − y)², a = softmax(z)",
    slope: "a (g − Σ g a), g = 2 (a − y)",
    row: "A3",
  }),
  mse: makeLoss({ ...squared, formula: "L = Σ (z − y)²", slope: "2 (z − y)", row: "A3" }),
  half_mse: makeLoss({
    each: (z, y) => squared.each(z, y) / 2,
    slopes: slopesOf((z, y) => z - y),
    formula: "L = Σ (z − y)² / 2",
    slope: "z − y",
    row: "D6",
  }),
  quadratic: makeLoss({ ...squared, formula: "L = Σ (z − y)²", slope: "2 (z − y)", row: "C2" }),
  mae: makeLoss({
    each: sumOf((z, y) => Math.abs(z - y)),
    slopes: slopesOf((z, y) => Math.sign(z - y)),
    formula: "L = Σ |z − y|",
    slope: "sign(z − y)",
    row: "B9",
  }),
  huber: jaxmlp.huberOf(1),
  quantile: jaxmlp.quantileOf([0.5]),
  perceptron: makeLoss({
    each: sumOf((z, y) => times((z >= 0 ? 1 : 0 * z) - y, z)),
    slopes: slopesOf((z, y) => (z >= 0 ? 1 : 0 * z) - y), // the step counts as a constant
    formula: "L = Σ (h − y) z, h = 1 for z ≥ 0, else 0",
    slope: "h − y",
    row: "E2",
  }),
};
