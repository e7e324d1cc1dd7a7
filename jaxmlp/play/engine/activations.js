// Activations, each with its derivative beside it (lecture rows B10, D3, E4).
//
// `value(z, alpha)` and `derivative(z, a, alpha)` act on one number. At a kink the slope is that
// from the left, as in `jaxmlp/nn/activations.py`. `alpha` is the usual slope or height of those
// that have one; those with `learned` have it among their parameters, one for each unit (or one for
// all, if `shared`), and it starts at `alpha`. `step` cannot learn: it is `forwardOnly`.

jaxmlp.sigmoid = (z) => { // 1 / (1 + e^-z); the exponential never overflows
  const small = Math.exp(-Math.abs(z));
  return (z >= 0 ? 1 : small) / (1 + small);
};

jaxmlp.softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))); // log(1 + e^z)

// Phi(z), the normal distribution function: by a series of positive terms near 0, and by Laplace's
// continued fraction where 1 - erf would lose its digits.
jaxmlp.normalCdf = (z) => {
  const x = Math.abs(z) / Math.SQRT2;
  let tail; // erfc(x) / 2 = Phi(-|z|)
  if (x < 2.5) {
    let [term, sum] = [x, x];
    for (let n = 1; term > 1e-17 * sum; n += 1) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    tail = 0.5 - (Math.exp(-x * x) * sum) / Math.sqrt(Math.PI);
  } else {
    let fraction = x;
    for (let n = 60; n >= 1; n -= 1) fraction = x + n / 2 / fraction;
    tail = Math.exp(-x * x) / fraction / Math.sqrt(Math.PI) / 2;
  }
  return z > 0 ? 1 - tail : tail;
};

const { sigmoid, softplus, normalCdf } = jaxmlp;
const clipped = (z) => Math.max(-1000, Math.min(1000, z)); // beyond it the gates are 0 or 1

const PRELU = {
  value: (z, alpha) => (z > 0 ? z : alpha * z),
  derivative: (z, a, alpha) => (z > 0 ? 1 : alpha),
  alpha: 0.25,
  learned: true,
  formula: "a = z for z > 0, else α z; α is learned",
  slope: "1 for z > 0, else α; dα = Σ z da over z ≤ 0",
  row: "B10",
};

jaxmlp.ACTIVATIONS = {
  identity: {
    value: (z) => z,
    derivative: () => 1,
    formula: "a = z",
    slope: "1",
    row: "B10",
  },
  relu: {
    value: (z) => (z > 0 ? z : 0 * z), // 0 z keeps a NaN
    derivative: (z) => (z > 0 ? 1 : 0),
    formula: "a = max(0, z)",
    slope: "1 for z > 0, else 0",
    row: "B10",
  },
  leaky_relu: {
    value: (z, alpha) => (z > 0 ? z : alpha * z),
    derivative: (z, a, alpha) => (z > 0 ? 1 : alpha),
    alpha: 0.01,
    formula: "a = z for z > 0, else α z",
    slope: "1 for z > 0, else α",
    row: "B10",
  },
  elu: {
    value: (z, alpha) => (z > 0 ? z : alpha * Math.expm1(z)),
    derivative: (z, a, alpha) => (z > 0 ? 1 : alpha * Math.exp(z)),
    alpha: 1,
    formula: "a = z for z > 0, else α (e^z − 1)",
    slope: "1 for z > 0, else α e^z",
    row: "B10",
  },
  sigmoid: {
    value: sigmoid,
    derivative: (z, a) => a * (1 - a),
    formula: "a = 1 / (1 + e^−z)",
    slope: "a (1 − a)",
    row: "B10",
  },
  tanh: {
    value: Math.tanh,
    derivative: (z, a) => 1 - a * a,
    formula: "a = (e^z − e^−z) / (e^z + e^−z)",
    slope: "1 − a²",
    row: "B10",
  },
  softplus: {
    value: softplus,
    derivative: sigmoid,
    formula: "a = log(1 + e^z)",
    slope: "1 / (1 + e^−z)",
    row: "E4",
  },
  gelu: {
    value: (z) => (z >= 1000 ? z : clipped(z) * normalCdf(clipped(z))),
    derivative: (z) => {
      const near = clipped(z);
      return normalCdf(near) + (near * Math.exp((-near * near) / 2)) / Math.sqrt(2 * Math.PI);
    },
    formula: "a = z Φ(z)",
    slope: "Φ(z) + z φ(z)",
    row: "Hendrycks and Gimpel 2016",
  },
  silu: {
    value: (z) => (z >= 1000 ? z : clipped(z) * sigmoid(clipped(z))),
    derivative: (z) => sigmoid(z) * (1 + clipped(z) * sigmoid(-z)),
    formula: "a = z / (1 + e^−z)",
    slope: "σ(z) (1 + z σ(−z))",
    row: "Elfwing, Uchibe and Doya 2017",
  },
  prelu: PRELU,
  shared_prelu: { ...PRELU, shared: true, formula: `${PRELU.formula}, one for the layer` },
  step: {
    value: (z) => (z >= 0 ? 1 : 0 * z),
    derivative: () => { throw new Error("the step function has no derivative to learn from"); },
    forwardOnly: true,
    formula: "a = 1 for z ≥ 0, else 0",
    slope: "none to learn from",
    row: "E4",
  },
};
