// Initial values of kernels (lecture rows A6, A7, B8, D9, E9).
//
// `draw(random, inputs, outputs, {scale, fan, gain})` makes a kernel (inputs, outputs). A layer
// `z = x W` keeps the variance of its signals if `Var(W) = gain / fan`. `deviation(inputs, outputs,
// options)` is the standard deviation of an entry; `scaled` says whether `scale` is used, and
// `gain` whether it belongs to a family whose `fan` may be chosen.

const FAN = {
  fan_in: (inputs) => inputs, // keeps the variance forward
  fan_out: (inputs, outputs) => outputs, // keeps it backward
  fan_avg: (inputs, outputs) => (inputs + outputs) / 2, // Glorot's compromise
};
const CUT = 2; // where a truncated normal distribution ends, in deviations of the whole one
const CUT_DEVIATION = 0.87962566103423978; // of what remains of N(0, 1)

const fill = (one) => (random, inputs, outputs, options) => {
  const value = one(options, inputs, outputs);
  return Float64Array.from({ length: inputs * outputs }, () => value(random));
};
const cutNormal = (random) => { // N(0, 1) between -CUT and CUT: what lies outside is drawn anew
  let value = random.normal();
  while (Math.abs(value) > CUT) value = random.normal();
  return value;
};

const DISTRIBUTIONS = { // a number of this standard deviation
  normal: (s) => (random) => s * random.normal(),
  uniform: (s) => (random) => Math.sqrt(3) * s * (2 * random.uniform() - 1), // Var U(-r, r) = r² / 3
  truncated_normal: (s) => (random) => (s / CUT_DEVIATION) * cutNormal(random),
};

const scaling = (gain, usualFan, distribution, row) => {
  const deviation = (inputs, outputs, { fan } = {}) =>
    Math.sqrt(gain / FAN[fan ?? usualFan](inputs, outputs));
  const draw = fill((options, inputs, outputs) =>
    DISTRIBUTIONS[distribution](deviation(inputs, outputs, options)));
  const shape = distribution === "normal" ? "N(0, v)" : "U(−√(3v), √(3v))";
  const formula = `W ~ ${shape}, v = ${gain} / ${usualFan}`;
  return { draw, deviation, gain, fan: usualFan, distribution, formula, row };
};

const constant = (value, formula) => ({
  draw: fill((options) => () => value(options)),
  deviation: () => 0,
  formula,
  row: "D9",
});

// A kernel with orthonormal columns, or rows if there are fewer: Gram and Schmidt's Q of a normal
// matrix. The diagonal of its R is positive, so Q is uniform over all such matrices.
const orthogonal = (random, inputs, outputs, { gain = 1 } = {}) => {
  const [long, short] = [Math.max(inputs, outputs), Math.min(inputs, outputs)];
  const made = [];
  for (let k = 0; k < short; k += 1) {
    let v = Float64Array.from({ length: long }, () => random.normal());
    for (const q of [...made, ...made]) { // twice is enough for full precision
      const dot = v.reduce((sum, value, i) => sum + value * q[i], 0);
      v = v.map((value, i) => value - dot * q[i]);
    }
    const length = Math.sqrt(v.reduce((sum, value) => sum + value * value, 0));
    made.push(v.map((value) => value / length));
  }
  const at = inputs >= outputs ? (i, j) => made[j][i] : (i, j) => made[i][j];
  return Float64Array.from({ length: inputs * outputs }, (_, place) =>
    gain * at(Math.floor(place / outputs), place % outputs));
};

jaxmlp.INITIALIZERS = {
  zeros: constant(() => 0, "W = 0"),
  ones: constant(() => 1, "W = 1"),
  constant: { ...constant(({ scale }) => scale, "W = scale"), scaled: true },
  normal: {
    draw: fill(({ scale }) => DISTRIBUTIONS.normal(scale)),
    deviation: (inputs, outputs, { scale }) => scale,
    scaled: true,
    formula: "W ~ N(0, scale²)",
    row: "A8",
  },
  truncated_normal: {
    draw: fill(({ scale }) => DISTRIBUTIONS.truncated_normal(scale)),
    deviation: (inputs, outputs, { scale }) => scale,
    scaled: true,
    formula: "W ~ N without its tails, deviation scale",
    row: "A8",
  },
  uniform: {
    draw: fill(({ scale }) => (random) => scale * (2 * random.uniform() - 1)),
    deviation: (inputs, outputs, { scale }) => scale / Math.sqrt(3),
    scaled: true,
    formula: "W ~ U(−scale, scale)",
    row: "D9",
  },
  lecun_normal: scaling(1, "fan_in", "normal", "E9"),
  lecun_uniform: scaling(1, "fan_in", "uniform", "E9"),
  xavier_normal: scaling(1, "fan_avg", "normal", "B8"),
  xavier_uniform: scaling(1, "fan_avg", "uniform", "B8"),
  he_normal: scaling(2, "fan_in", "normal", "A6"),
  he_uniform: scaling(2, "fan_in", "uniform", "A6"),
  orthogonal: {
    draw: orthogonal,
    deviation: (inputs, outputs) => 1 / Math.sqrt(Math.max(inputs, outputs)),
    formula: "WᵀW = I, or WWᵀ = I if the layer widens",
    row: "Saxe et al. 2014",
  },
};
