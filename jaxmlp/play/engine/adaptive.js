// Adaptive learning rates, "different learning rates in different directions" (lecture row D10).

const divisorOf = (epsilon, inside) => // of a mean square g
  (inside ? (g) => Math.sqrt(g + epsilon) : (g) => Math.sqrt(g) + epsilon);

const adagrad = ({ epsilon = 1e-7, epsilon_inside: inside = true } = {}) => {
  const divisor = divisorOf(epsilon, inside);
  return arrayRule(["g"], (dw, [before], { rate }) => {
    const g = before.map((value, i) => value + dw[i] * dw[i]);
    return [g.map((value, i) => (-rate * dw[i]) / divisor(value)), g];
  });
};

const rmsprop = ({ beta = 0.9, epsilon = 1e-8, epsilon_inside: inside = true } = {}) => {
  const divisor = divisorOf(epsilon, inside);
  return arrayRule(["g"], (dw, [before], { rate }) => {
    const g = before.map((value, i) => beta * value + (1 - beta) * dw[i] * dw[i]);
    return [g.map((value, i) => (-rate * dw[i]) / divisor(value)), g];
  });
};

const adam = ({
  beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, epsilon_inside: inside = false,
} = {}) => {
  const divisor = divisorOf(epsilon, inside);
  return arrayRule(
    ["m", "v"],
    (dw, [first, second], { rate, c1, c2 }) => {
      const m = first.map((value, i) => beta1 * value + (1 - beta1) * dw[i]);
      const v = second.map((value, i) => beta2 * value + (1 - beta2) * dw[i] * dw[i]);
      // m_hat = m / (1 - beta1^t), v_hat = v / (1 - beta2^t)
      return [m.map((value, i) => (-rate * c1 * value) / divisor(c2 * v[i])), m, v];
    },
    (t) => ({ c1: 1 / (1 - beta1 ** t), c2: 1 / (1 - beta2 ** t) }),
  );
};

const adamw = ({ weight_decay: lambda = 0.01, ...options } = {}) =>
  jaxmlp.withWeightDecay(adam(options), lambda);
