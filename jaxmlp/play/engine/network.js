// The network: forward, and backward below it (lecture rows A9, B7, C3, D3, D8, E6, E8).
//
//   h_0 = x,  z_l = h_{l-1} W_l + b_l,  a_l = f_l(z_l),  h_l = m_l a_l / p
//
// for the hidden layers, where m_l is the mask of dropout and p the probability of keeping a unit;
// the outputs are z_L. The lectures write z = W x + b; here examples are rows.

// Returns the description of a network.
jaxmlp.makeNetwork = ({
  inputs, hidden = [], activations = [], outputs, dropout = 0, alpha = null,
}) => {
  if (activations.length !== hidden.length) {
    const words = `${hidden.length}, one for each hidden layer, got ${activations.length}`;
    throw new Error(`activations must be ${words}`);
  }
  const widths = [inputs, ...hidden, outputs];
  const layers = widths.slice(1).map((width, l) => {
    const activation = l < hidden.length ? activations[l] : "identity";
    if (!(activation in jaxmlp.ACTIVATIONS)) throw new Error(`there is no activation ${activation}`);
    const { learned, alpha: usual } = jaxmlp.ACTIVATIONS[activation];
    return { inputs: widths[l], outputs: width, activation, alpha: learned ? usual : alpha ?? usual };
  });
  return { inputs, hidden, activations, outputs, dropout, layers };
};

// Returns parameters: kernels from the initializer, biases of 0, slopes at their start.
jaxmlp.initParams = (net, initializer, options, random) =>
  net.layers.map(({ inputs, outputs, activation, alpha }) => {
    const layer = { W: jaxmlp.INITIALIZERS[initializer].draw(random, inputs, outputs, options) };
    layer.b = new Float64Array(outputs);
    const { learned, shared } = jaxmlp.ACTIVATIONS[activation];
    if (learned) layer.alpha = new Float64Array(shared ? 1 : outputs).fill(alpha);
    return { ...layer, inputs, outputs };
  });

// Returns what dropout keeps of a batch: for each hidden layer 1 or 0, (N, width). Lecture row C8.
jaxmlp.dropoutMasks = (net, N, random) => net.hidden.map((width) =>
  Float64Array.from({ length: N * width }, () => (random.uniform() < net.dropout ? 0 : 1)));

// Returns `{layers: [{x, z, a}], outputs}`: of each layer x (N, inputs), z and a (N, outputs).
jaxmlp.forward = (net, params, X, N, masks = null) => {
  const layers = [];
  let x = X;
  net.layers.forEach((layer, l) => {
    const z = denseForward(x, params[l], N, layer); // (N, inputs) (inputs, outputs)
    const a = activationForward(z, params[l], layer);
    layers.push({ x, z, a });
    x = masks && l < net.hidden.length ? masked(a, masks[l], net.dropout) : a;
  });
  return { layers, outputs: x, masks };
};

// Returns `{grads: [{W, b}], deltas, dX}` from dL/d(outputs) (N, K). With delta_l = dL/dz_l:
// dW_l = x_l^T delta_l, db_l = sum_n delta_l, dL/dx_l = delta_l W_l^T.
jaxmlp.backward = (net, params, cache, dOutputs) => {
  const [grads, deltas] = [[], []];
  let da = dOutputs;
  for (let l = net.layers.length - 1; l >= 0; l -= 1) {
    const [layer, { x, z, a }] = [net.layers[l], cache.layers[l]];
    if (cache.masks && l < net.hidden.length) da = masked(da, cache.masks[l], net.dropout);
    const delta = activationBackward(z, a, da, params[l], layer);
    const slopes = slopeGradient(z, da, params[l], layer);
    grads[l] = { ...denseGradient(x, delta, layer), ...slopes };
    deltas[l] = delta;
    da = denseBackward(delta, params[l], layer); // (N, outputs) (outputs, inputs)
  }
  return { grads, deltas, dX: da };
};

// dense: z = x W + b

function denseForward(x, { W, b }, N, { inputs, outputs }) {
  const z = new Float64Array(N * outputs);
  for (let n = 0; n < N; n += 1) {
    const row = z.subarray(n * outputs, (n + 1) * outputs);
    for (let i = 0; i < inputs; i += 1) {
      const value = x[n * inputs + i];
      for (let j = 0, w = i * outputs; j < outputs; j += 1, w += 1) row[j] += value * W[w];
    }
    for (let j = 0; j < outputs; j += 1) row[j] += b[j];
  }
  return z;
}

function denseGradient(x, delta, { inputs, outputs }) { // dW = x^T delta, db = sum_n delta_n
  const [W, b] = [new Float64Array(inputs * outputs), new Float64Array(outputs)];
  const N = delta.length / outputs;
  for (let n = 0; n < N; n += 1) {
    const row = delta.subarray(n * outputs, (n + 1) * outputs);
    for (let i = 0; i < inputs; i += 1) {
      const value = x[n * inputs + i];
      for (let j = 0, w = i * outputs; j < outputs; j += 1, w += 1) W[w] += value * row[j];
    }
    for (let j = 0; j < outputs; j += 1) b[j] += row[j];
  }
  return { W, b };
}

function denseBackward(delta, { W }, { inputs, outputs }) { // dx = delta W^T
  const N = delta.length / outputs;
  const dx = new Float64Array(N * inputs);
  for (let n = 0; n < N; n += 1) {
    for (let i = 0; i < inputs; i += 1) {
      let sum = 0;
      const [row, column] = [n * outputs, i * outputs];
      for (let j = 0; j < outputs; j += 1) sum += delta[row + j] * W[column + j];
      dx[n * inputs + i] = sum;
    }
  }
  return dx;
}

// activation: a = f(z), dz = da f'(z)

function slopeOf({ alpha: learned }, layer) { // of a unit; one for all if it is shared
  if (!learned) return () => layer.alpha;
  return learned.length === 1 ? () => learned[0] : (j) => learned[j];
}

function activationForward(z, params, layer) {
  const [{ value }, alpha] = [jaxmlp.ACTIVATIONS[layer.activation], slopeOf(params, layer)];
  if (!params.alpha) return z.map((number) => value(number, layer.alpha));
  return z.map((number, place) => value(number, alpha(place % layer.outputs)));
}

function activationBackward(z, a, da, params, layer) {
  const [{ derivative }, alpha] = [jaxmlp.ACTIVATIONS[layer.activation], slopeOf(params, layer)];
  return z.map((number, place) =>
    da[place] * derivative(number, a[place], alpha(place % layer.outputs)));
}

function slopeGradient(z, da, { alpha }, { outputs }) { // dalpha = sum of z da over z <= 0
  if (!alpha) return {};
  const dalpha = new Float64Array(alpha.length);
  z.forEach((number, place) => {
    if (!(number > 0)) dalpha[alpha.length === 1 ? 0 : place % outputs] += number * da[place];
  });
  return { alpha: dalpha };
}

// dropout: h = m a / p, da = m dh / p

function masked(values, mask, dropout) {
  return values.map((value, place) => (mask[place] ? value / (1 - dropout) : 0));
}
