// Gradient descent, plain and with momentum, and what every rule may be wrapped in (lecture rows
// B1, C3, C4, E10).
//
// A rule is `{init(params) -> state, update(grads, state, params, rate) -> {updates, state}}`, and
// w <- w + update. `rate` is the learning rate eta_t of this step. A rule may have `judged(state)`:
// the parameters by which the network is judged in place of those that are trained.

// Makes a rule from a function for one array, `(dw, [...remembered], numbers) -> [step,
// ...remembered]`. `numbersOf(t)` are numbers of the update t, counted from 1; `names` are those of
// what the rule remembers, which begins at 0.
const arrayRule = (names, rule, numbersOf = () => ({})) => ({
  init: (params) => ({
    t: 0, ...Object.fromEntries(names.map((name) => [name, jaxmlp.zerosLike(params)])),
  }),
  update: (grads, state, params, rate) => {
    const numbers = { rate, ...numbersOf(state.t + 1) };
    const parts = [...names.map(() => []), []];
    grads.forEach((layer, l) => {
      parts.forEach((part) => { part[l] = {}; });
      for (const name of Object.keys(layer)) {
        const found = rule(layer[name], names.map((each) => state[each][l][name]), numbers);
        parts.forEach((part, k) => { part[l][name] = found[(k + 1) % found.length]; });
      }
    });
    const kept = Object.fromEntries(names.map((name, k) => [name, parts[k]]));
    return { updates: parts[names.length], state: { t: state.t + 1, ...kept } };
  },
});

const sgd = () => arrayRule([], (dw, _, { rate }) => [dw.map((g) => -rate * g)]);

// `mu` is a number or a function of the number of updates made.
const momentum = ({ mu = 0.9, nesterov = false } = {}) => arrayRule(
  ["v"],
  (dw, [before], { rate, mu: share }) => {
    const v = before.map((value, i) => share * value - rate * dw[i]);
    return [nesterov ? v.map((value, i) => share * value - rate * dw[i]) : v, v];
  },
  (t) => ({ mu: typeof mu === "function" ? mu(t - 1) : mu }),
);

// The momentum of Sutskever et al. (2013): from 1/2 up to its maximum, a step every 250 updates.
jaxmlp.sutskever = (most, every = 250) => (t) =>
  Math.min(1 - 1 / (2 * (Math.floor(t / every) + 1)), most);

// Adds weight decay to a rule: w <- w + update - eta lambda w, of the kernels alone.
jaxmlp.withWeightDecay = (rule, lambda) => ({
  ...rule,
  update: (grads, state, params, rate) => {
    const made = rule.update(grads, state, params, rate);
    const updates = made.updates.map((layer, l) => ({
      ...layer, W: layer.W.map((u, i) => u - rate * lambda * params[l].W[i]),
    }));
    return { updates, state: made.state };
  },
});

// Scales gradients that are longer than the norm down to it: dw <- dw min(1, norm / |dw|).
jaxmlp.withClipping = (rule, norm) => ({
  ...rule,
  update: (grads, state, params, rate) => {
    const share = Math.min(1, norm / Math.max(jaxmlp.lengthOf(grads), 2.3e-308));
    const shorter = jaxmlp.mapTree((dw) => dw.map((g) => share * g), grads);
    return rule.update(shorter, state, params, rate);
  },
});
