// Update rules, each for one array as in `jaxmlp/optim` (lecture rows B1, C3, C4, D10, E10).
//
// `make(arguments)` returns a rule `{init(params) -> state, update(grads, state, params, rate) ->
// {updates, state}}`; w <- w + update. `rate` is the learning rate eta_t of this step, and t counts
// the updates made. A rule may have `judged(state)`: the parameters by which the network is judged.

// Makes a rule of a function for one array: `(dw, remembered, numbers, w) -> [step, ...remembered]`.
const arrayRule = (names, rule, numbersOf) => ({
  init: (params) => ({ t: 0, ...Object.fromEntries(names.map((name) => [name, jaxmlp.zerosLike(params)])) }),
  update: (grads, state, params, rate) => {
    const numbers = { rate, ...numbersOf(state.t + 1) };
    const made = names.map(() => []);
    const updates = grads.map((layer, l) => {
      const steps = {};
      names.forEach((_, k) => { made[k][l] = {}; });
      for (const name of Object.keys(layer)) {
        const dw = layer[name];
        const kept = names.map((each, k) => (made[k][l][name] = new Float64Array(dw.length)));
        const old = names.map((each) => state[each][l][name]);
        steps[name] = new Float64Array(dw.length);
        for (let i = 0; i < dw.length; i += 1) {
          const found = rule(dw[i], old.map((array) => array[i]), numbers);
          steps[name][i] = found[0];
          for (let k = 0; k < kept.length; k += 1) kept[k][i] = found[k + 1];
        }
      }
      return steps;
    });
    const next = Object.fromEntries(names.map((name, k) => [name, made[k]]));
    return { updates, state: { t: state.t + 1, ...next } };
  },
});

const divisor = (g, epsilon, inside) => (inside ? Math.sqrt(g + epsilon) : Math.sqrt(g) + epsilon);

const sgd = () => arrayRule([], (dw, _, { rate }) => [-rate * dw], () => ({}));

const momentum = ({ mu = 0.9, nesterov = false } = {}) => arrayRule(["v"], (dw, [before], { rate }) => {
  const v = mu * before - rate * dw;
  return [nesterov ? mu * v - rate * dw : v, v];
}, () => ({}));

const adagrad = ({ epsilon = 1e-7, epsilon_inside: inside = true } = {}) =>
  arrayRule(["g"], (dw, [before], { rate }) => {
    const g = before + dw * dw;
    return [(-rate * dw) / divisor(g, epsilon, inside), g];
  }, () => ({}));

const rmsprop = ({ beta = 0.9, epsilon = 1e-8, epsilon_inside: inside = true } = {}) =>
  arrayRule(["g"], (dw, [before], { rate }) => {
    const g = beta * before + (1 - beta) * dw * dw;
    return [(-rate * dw) / divisor(g, epsilon, inside), g];
  }, () => ({}));

const adam = ({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, epsilon_inside: inside = false } = {}) =>
  arrayRule(["m", "v"], (dw, [first, second], { rate, c1, c2 }) => {
    const m = beta1 * first + (1 - beta1) * dw;
    const v = beta2 * second + (1 - beta2) * dw * dw;
    const [mHat, vHat] = [c1 * m, c2 * v]; // m / (1 - beta1^t), v / (1 - beta2^t)
    return [(-rate * mHat) / divisor(vHat, epsilon, inside), m, v];
  }, (t) => ({ c1: 1 / (1 - beta1 ** t), c2: 1 / (1 - beta2 ** t) }));

// Adds weight decay to a rule: w <- w + update - eta lambda w, of the kernels alone.
jaxmlp.withWeightDecay = (rule, lambda) => ({
  ...rule,
  update: (grads, state, params, rate) => {
    const { updates, state: next } = rule.update(grads, state, params, rate);
    updates.forEach((layer, l) => {
      const { W } = params[l];
      layer.W = layer.W.map((u, i) => u - rate * lambda * W[i]);
    });
    return { updates, state: next };
  },
});

// Scales gradients that are longer than norm down to it: dw <- dw min(1, norm / |dw|).
jaxmlp.withClipping = (rule, norm) => ({
  ...rule,
  update: (grads, state, params, rate) => {
    const share = Math.min(1, norm / Math.max(jaxmlp.lengthOf(grads), 2.3e-308));
    return rule.update(jaxmlp.mapTree((dw) => dw.map((g) => share * g), grads), state, params, rate);
  },
});

jaxmlp.OPTIMIZERS = {
  sgd: { make: sgd, formula: "w ← w − η dw", row: "B1" },
  momentum: { make: momentum, formula: "v ← μ v − η dw, w ← w + v", row: "C4" },
  nesterov: {
    make: (options) => momentum({ ...options, nesterov: true }),
    formula: "v ← μ v − η dw, w ← w + μ v − η dw",
    row: "C4",
  },
  adagrad: { make: adagrad, formula: "g ← g + dw², w ← w − η dw / √(g + ε)", row: "D10" },
  rmsprop: { make: rmsprop, formula: "g ← β g + (1 − β) dw², w ← w − η dw / √(g + ε)", row: "D10" },
  adam: { make: adam, formula: "w ← w − η m̂ / (√v̂ + ε)", row: "D10" },
  adamw: {
    make: ({ weight_decay: lambda = 0.01, ...options } = {}) => jaxmlp.withWeightDecay(adam(options), lambda),
    formula: "w ← w − η m̂ / (√v̂ + ε) − η λ w",
    row: "Loshchilov and Hutter 2019",
  },
};
