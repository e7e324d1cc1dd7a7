// The update rules by name, and the rule of a setting (lecture rows B1, C4, D10, E10).
//
// Of each: `make(arguments)`; `arguments`, the option of `jaxmlp.train` that gives each argument;
// the usual `rate` and `weight_decay`, the rule's `own` values of options that several rules share,
// and the usual `schedule`. They are those of `OPTIMIZER_TABLE` in `jaxmlp/config/names.py`.

const ADAM = { beta1: "beta1", beta2: "beta2", epsilon: "epsilon" };
const ADAMS_OWN = { beta2: 0.999, epsilon: 1e-8 };
const DECAYING = { weight_decay: "weight_decay" };
const SHARED = { decay: 0.9, beta1: 0.9 }; // the usual values of options, where a rule has no own

const FEW = { weight_decay: 0, arguments: {}, own: {}, schedule: "one_cycle" };
const entry = (make, rate, formula, row, more = {}) => ({ make, rate, formula, row, ...FEW, ...more });
const nesterov = (options) => momentum({ ...options, nesterov: true });
const MOVING = { arguments: { mu: "momentum" }, own: { momentum: 0.9 } };
const LOSHCHILOV = "Loshchilov and Hutter 2019";
const DEFAZIO = "Defazio et al. 2024";
const MOMENTS = "m ← β₁ m + (1 − β₁) dw, v ← β₂ v + (1 − β₂) dw²";
const ORTHOGONAL = "m ← μ m + dW, W ← W − η orthogonal(dW + μ m)";
const LION = "c = β₁ m + (1 − β₁) dw, w ← w − η sign c, m ← β₂ m + (1 − β₂) dw";
const MEAN = "x the mean of all z, y between them";

jaxmlp.OPTIMIZERS = {
  sgd: entry(sgd, 0.2, "w ← w − η dw", "B1"),
  momentum: entry(momentum, 0.05, "v ← μ v − η dw, w ← w + v", "C4", MOVING),
  nesterov: entry(nesterov, 0.05, "v ← μ v − η dw, w ← w + μ v − η dw", "C4", MOVING),
  adagrad: entry(adagrad, 0.05, "g ← g + dw², w ← w − η dw / √(g + ε)", "D10", {
    arguments: { epsilon: "epsilon" }, own: { epsilon: 1e-7 },
  }),
  rmsprop: entry(rmsprop, 0.002, "g ← β g + (1 − β) dw², w ← w − η dw / √(g + ε)", "D10", {
    arguments: { beta: "decay", epsilon: "epsilon" }, own: { epsilon: 1e-8 },
  }),
  adam: entry(adam, 0.005, `${MOMENTS}, w ← w − η m̂ / (√v̂ + ε)`, "D10", {
    arguments: ADAM, own: ADAMS_OWN,
  }),
  adamw: entry(adamw, 0.008, "Adam, and w ← w − η λ w", LOSHCHILOV, {
    arguments: { ...ADAM, ...DECAYING }, own: ADAMS_OWN, weight_decay: 0.1,
  }),
  muon: entry(muon, 0.008, `Adam, but hidden kernels ${ORTHOGONAL}`, "Jordan et al. 2024", {
    arguments: { mu: "momentum", ...ADAM, ...DECAYING },
    own: { momentum: 0.95, ...ADAMS_OWN },
    weight_decay: 0.1,
  }),
  lion: entry(lion, 0.002, LION, "Chen et al. 2023", {
    arguments: { beta1: "beta1", beta2: "beta2", ...DECAYING },
    own: { beta2: 0.99 },
    weight_decay: 0.4,
  }),
  sign_sgd: entry(signSgd, 0.002, "w ← w − η sign dw", "Bernstein et al. 2018"),
  schedule_free_sgd: entry(scheduleFreeSgd, 0.5, `z ← z − η dw(y), ${MEAN}`, DEFAZIO, {
    arguments: { beta1: "beta1", ...DECAYING }, schedule: "constant",
  }),
  schedule_free_adamw: entry(scheduleFreeAdamw, 0.004, `Adam moves z, ${MEAN}`, DEFAZIO, {
    arguments: { ...ADAM, ...DECAYING },
    own: ADAMS_OWN,
    weight_decay: 0.1,
    schedule: "constant",
  }),
};

// Returns the rule of a setting, whose names are the options of `jaxmlp.train`; what it leaves out
// takes the rule's usual value.
jaxmlp.makeRule = (setting) => {
  const { make, arguments: fields, own, weight_decay: usual } = jaxmlp.OPTIMIZERS[setting.optimizer];
  const lambda = setting.weight_decay ?? usual;
  const values = { ...SHARED, ...own, ...setting, weight_decay: lambda };
  const chosen = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, values[field]]));
  if (setting.epsilon_inside !== undefined) chosen.epsilon_inside = setting.epsilon_inside;
  if (setting.momentum_schedule === "sutskever") chosen.mu = jaxmlp.sutskever(chosen.mu);
  let rule = make(chosen);
  if (lambda && !("weight_decay" in chosen)) rule = jaxmlp.withWeightDecay(rule, lambda);
  if (setting.clip_norm) rule = jaxmlp.withClipping(rule, setting.clip_norm);
  return rule;
};
