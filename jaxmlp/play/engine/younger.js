// Rules younger than the decks: sign descent, Lion, Muon, and descent free of a schedule.

const signSgd = () => arrayRule([], (dw, _, { rate }) => [dw.map((g) => -rate * Math.sign(g))]);

const lion = ({ beta1 = 0.9, beta2 = 0.99, weight_decay: lambda = 0 } = {}) => {
  const plain = arrayRule(["m"], (dw, [before], { rate }) => {
    const step = before.map((m, i) => -rate * Math.sign(beta1 * m + (1 - beta1) * dw[i]));
    return [step, before.map((m, i) => beta2 * m + (1 - beta2) * dw[i])];
  });
  return jaxmlp.withWeightDecay(plain, lambda);
};

// The product of a (n, k) and b (k, m).
const matmul = (a, b, n, k, m) => {
  const made = new Float64Array(n * m);
  for (let i = 0; i < n; i += 1) {
    for (let s = 0; s < k; s += 1) {
      for (let j = 0; j < m; j += 1) made[i * m + j] += a[i * k + s] * b[s * m + j];
    }
  }
  return made;
};

const transposed = (a, n, k) => // (n, k) -> (k, n)
  Float64Array.from({ length: n * k }, (_, at) => a[(at % n) * k + Math.floor(at / n)]);

// About the nearest orthogonal matrix to G (n, k): five times X <- a X + (b A + c A²) X, A = X Xᵀ.
const newtonSchulz = (G, n, k) => {
  if (n > k) return transposed(newtonSchulz(transposed(G, n, k), k, n), k, n);
  const [a, b, c] = [3.4445, -4.775, 2.0315];
  const norm = Math.sqrt(G.reduce((sum, g) => sum + g * g, 0)) + 1e-8;
  let X = G.map((g) => g / norm);
  for (let i = 0; i < 5; i += 1) {
    const A = matmul(X, transposed(X, n, k), n, k, n);
    const square = matmul(A, A, n, n, n);
    const added = matmul(A.map((value, at) => b * value + c * square[at]), X, n, n, k);
    X = X.map((value, at) => a * value + added[at]);
  }
  return X;
};

// Muon for the hidden kernels, Adam for all others: m <- mu m + dw, u = dw + mu m, and
// w <- w - eta 0.2 sqrt(max(n, k)) newton_schulz(u) - eta lambda w (Jordan et al. 2024).
const muon = ({ mu = 0.95, weight_decay: lambda = 0.1, ...options } = {}) => {
  const rest = adam(options);
  const update = (grads, state, params, rate) => {
    const made = rest.update(grads, state.others, params, rate);
    const m = [];
    const updates = made.updates.map((layer, l) => {
      if (l === grads.length - 1) return layer; // the kernel of the output layer is no hidden one
      const [{ W: dW }, { inputs, outputs }] = [grads[l], params[l]];
      m[l] = state.m[l].map((value, i) => mu * value + dW[i]);
      const u = dW.map((g, i) => g + mu * m[l][i]);
      const size = 0.2 * Math.sqrt(Math.max(inputs, outputs));
      return { ...layer, W: newtonSchulz(u, inputs, outputs).map((s) => -rate * size * s) };
    });
    return { updates, state: { m, others: made.state } };
  };
  const init = (params) => ({
    m: params.slice(0, -1).map(({ W }) => jaxmlp.zeros(W.length)), others: rest.init(params),
  });
  return jaxmlp.withWeightDecay({ init, update }, lambda);
};

// Any rule without momentum, made free of a schedule (Defazio et al. 2024): the rule moves z, the
// network is judged at x, the mean of all z, and the gradient is taken at y, between the two.
const scheduleFree = (rule, beta) => ({
  init: (params) => ({
    z: jaxmlp.copyTree(params), x: jaxmlp.copyTree(params), top: 0, total: 0, inner: rule.init(params),
  }),
  update: (grads, state, params, rate) => {
    const made = rule.update(grads, state.inner, params, rate);
    const top = Math.max(state.top, rate);
    const total = state.total + top * top;
    const c = (top * top) / Math.max(total, 2.3e-308);
    const z = jaxmlp.addTrees(state.z, made.updates);
    const x = jaxmlp.mapTree((mean, next) => mean.map((w, i) => (1 - c) * w + c * next[i]), state.x, z);
    const updates = jaxmlp.mapTree(
      (mean, next, y) => mean.map((w, i) => (1 - beta) * next[i] + beta * w - y[i]), x, z, params);
    return { updates, state: { z, x, top, total, inner: made.state } };
  },
  judged: (state) => state.x,
});

const scheduleFreeSgd = ({ beta1 = 0.9, weight_decay: lambda = 0 } = {}) =>
  scheduleFree(jaxmlp.withWeightDecay(sgd(), lambda), beta1);

const scheduleFreeAdamw = ({ beta1 = 0.9, weight_decay: lambda = 0, ...options } = {}) =>
  scheduleFree(jaxmlp.withWeightDecay(adam({ ...options, beta1: 0 }), lambda), beta1);
