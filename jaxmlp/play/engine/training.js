// Training: one step, and what a network says of examples (lecture rows C3, C6, E10, E12).

// Returns the state before the first step. `loss` and `rule` are values of LOSSES and what `make`
// of OPTIMIZERS returns; `rate` is a number or a schedule `t -> number`.
jaxmlp.begin = ({ net, params, loss, rule, rate }) => {
  const rateOf = typeof rate === "function" ? rate : () => rate;
  return { net, params, loss, rule, rate: rateOf, optimizer: rule.init(params), t: 0 };
};

// One step, a pure function: the batch is `{X (N, inputs), targets, N, masks}`. Returns the next
// state, and all that was computed on the way: loss, cache, dOutputs, grads, deltas, updates, rate.
// A step whose loss is not finite changes no parameter.
jaxmlp.step = (state, { X, targets, N, masks = null }) => {
  const { net, params, loss, rule, t } = state;
  const cache = jaxmlp.forward(net, params, X, N, masks);
  const value = loss.value(cache.outputs, targets, N, net.outputs);
  const dOutputs = loss.gradient(cache.outputs, targets, N, net.outputs);
  const { grads, deltas } = jaxmlp.backward(net, params, cache, dOutputs);
  const [rate, finite] = [state.rate(t), Number.isFinite(value)];
  const { updates, state: optimizer } = rule.update(
    finite ? grads : jaxmlp.zerosLike(grads), state.optimizer, params, rate);
  const moved = finite ? jaxmlp.addTrees(params, updates) : params;
  const next = { ...state, params: moved, optimizer, t: t + 1 };
  return { state: next, loss: value, finite, cache, dOutputs, grads, deltas, updates, rate };
};

// Returns the parameters by which the network is judged: an average, if the rule keeps one.
jaxmlp.judged = (state) => (state.rule.judged ? state.rule.judged(state.optimizer) : state.params);

// Returns what outputs (N, K) say: probabilities of the classes of a task, or the outputs themselves.
jaxmlp.probabilities = (task, outputs, N, K) => {
  if (task === "regression") return outputs;
  if (task === "multilabel") return outputs.map(jaxmlp.sigmoid);
  if (task === "binary") {
    return Float64Array.from({ length: 2 * N }, (_, i) => {
      const p = jaxmlp.sigmoid(outputs[i >> 1]);
      return i % 2 ? p : 1 - p;
    });
  }
  const found = new Float64Array(N * K);
  for (let n = 0; n < N; n += 1) found.set(jaxmlp.softmax(outputs.subarray(n * K, (n + 1) * K)), n * K);
  return found;
};

// Returns the class of each example (N): the largest output, or for one output whether it is above 0.
jaxmlp.classesOf = (outputs, N, K) => Int32Array.from({ length: N }, (_, n) => {
  if (K === 1) return outputs[n] > 0 ? 1 : 0;
  let best = 0;
  for (let k = 1; k < K; k += 1) if (outputs[n * K + k] > outputs[n * K + best]) best = k;
  return best;
});

// Returns the share of right answers: of classes, or of each yes or no (lecture row E3).
jaxmlp.accuracy = (outputs, targets, N, K) => {
  let right = 0;
  if (targets instanceof Int32Array) {
    jaxmlp.classesOf(outputs, N, K).forEach((found, n) => { right += found === targets[n] ? 1 : 0; });
    return right / N;
  }
  outputs.forEach((z, i) => { right += z > 0 === targets[i] > 0.5 ? 1 : 0; });
  return right / (N * K);
};

// Returns the raw outputs (N, K) of examples, without dropout.
jaxmlp.predict = (net, params, X, N) => jaxmlp.forward(net, params, X, N).outputs;
