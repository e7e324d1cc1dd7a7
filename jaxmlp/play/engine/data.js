// The data that the page carries, as `jaxmlp/play/content.py` writes them (lecture rows A2, E5, E7).

const TYPES = { u1: Uint8Array, i4: Int32Array, f4: Float32Array, f8: Float64Array };

// Returns the numbers of `{type, shape, data}`, where data are base64, little-endian.
jaxmlp.decode = ({ type, data }) => {
  const bytes = jaxmlp.bytesOf(data);
  const numbers = new TYPES[type](bytes.buffer, 0, bytes.length / TYPES[type].BYTES_PER_ELEMENT);
  return type === "i4" ? numbers : Float64Array.from(numbers);
};

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Returns the bytes of a base64 text.
jaxmlp.bytesOf = (text) => {
  const places = new Uint8Array(128);
  Array.from(DIGITS).forEach((letter, place) => { places[letter.charCodeAt(0)] = place; });
  const [length, padding] = [text.length, text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0];
  const bytes = new Uint8Array((length / 4) * 3);
  for (let i = 0, at = 0; i < length; i += 4) {
    let four = 0;
    for (let k = 0; k < 4; k += 1) four = four * 64 + places[text.charCodeAt(i + k)];
    for (const shift of [16, 8, 0]) bytes[at++] = (four >> shift) & 255;
  }
  return bytes.slice(0, bytes.length - padding);
};

// Returns scaled inputs, z = (x - offset) scale, and bent ones z / sqrt(1 + (z / bend)^2).
// `kind`, `offset` and `scale` (one number, or one for each feature) are those of the run.
jaxmlp.scaled = ({ offset, scale, bend }, x) => x.map((value, i) => {
  const z = (value - offset[i % offset.length]) * scale[i % scale.length];
  if (bend === null) return z;
  const near = Math.max(-1e9, Math.min(1e9, z));
  return near / Math.sqrt(1 + (near / bend) ** 2);
});

// Returns what `scaled` returned before scaling.
jaxmlp.unscaled = ({ offset, scale, bend }, z) => z.map((value, i) => {
  const straight = bend === null ? value : value / Math.sqrt(1 - (value / bend) ** 2);
  return straight / scale[i % scale.length] + offset[i % offset.length];
});

// Returns the scaling to mean 0 and variance 1 of x (N, features); a constant feature becomes 0.
jaxmlp.fitZscore = (x, N, features) => {
  const offset = Array.from({ length: features }, (_, j) => {
    let sum = 0;
    for (let n = 0; n < N; n += 1) sum += x[n * features + j];
    return sum / N;
  });
  const scale = offset.map((mean, j) => {
    let squares = 0;
    for (let n = 0; n < N; n += 1) squares += (x[n * features + j] - mean) ** 2;
    return squares < 1e-24 * N ? 1 : 1 / Math.sqrt(squares / N);
  });
  return { kind: "zscore", offset, scale, bend: null };
};

const ERRORS = ["mse", "half_mse", "quadratic", "mae", "huber"];

jaxmlp.LOSSES_OF = { // the losses that suit a task, the usual one first
  multiclass: ["cross_entropy", "binary_cross_entropy", "softmax_squared_error", ...ERRORS],
  binary: [
    "binary_cross_entropy", "perceptron", "cross_entropy", "softmax_squared_error", ...ERRORS,
  ],
  multilabel: ["binary_cross_entropy"],
  regression: [...ERRORS, "quantile"],
};

const QUANTILES = [0.1, 0.5, 0.9]; // those that train takes where none is named

// Returns what a loss makes of a task: two classes have one output where the loss is for one, and
// else an output each. `count` is the number of classes or values.
jaxmlp.taskOf = (task, loss, count) => {
  const single = task === "binary" && ["binary_cross_entropy", "perceptron"].includes(loss);
  const each = loss === "quantile" ? QUANTILES.length : 1;
  return {
    task: task === "binary" && !single ? "multiclass" : task,
    outputs: single ? 1 : count * each,
    loss: loss === "quantile" ? jaxmlp.quantileOf(QUANTILES) : jaxmlp.LOSSES[loss],
  };
};

// Returns a data set ready for training: `{X, targets, N, XTest, targetsTest, NTest, raw, rawTest,
// labels, labelsTest, preprocessing, task, outputs, loss}`. X are scaled inputs, raw those before
// scaling, labels the classes (Int32Array) or scaled values. `noise` is that of a toy's points;
// `null` leaves it as it is.
jaxmlp.open = (dataset, loss, noise = null) => {
  const { inputs, classes, task, parts } = dataset;
  const found = jaxmlp.taskOf(task, loss, classes.length);
  const changed = noise !== null && dataset.noise !== null && noise !== dataset.noise;
  const [train, test] = parts.map((part) => jaxmlp.pointsOf(part, noise ?? dataset.noise));
  const N = train.length / inputs;
  const preprocessing = changed ? jaxmlp.fitZscore(train, N, inputs) : dataset.preprocessing;
  const ready = (part, raw) => {
    const labels = jaxmlp.decode(part.y);
    return [jaxmlp.scaled(preprocessing, raw), jaxmlp.targetsOf(labels, found, dataset), labels];
  };
  const [X, targets, labels] = ready(parts[0], train);
  const [XTest, targetsTest, labelsTest] = ready(parts[1], test);
  return {
    ...found, preprocessing, N, X, targets, labels, raw: train,
    NTest: test.length / inputs, XTest, targetsTest, labelsTest, rawTest: test,
  };
};

// Returns the inputs of a part as they are before scaling: a toy's are x + noise z, of normal z.
jaxmlp.pointsOf = ({ x, z }, noise) => {
  const clean = jaxmlp.decode(x);
  if (!z) return clean;
  const normal = jaxmlp.decode(z);
  return clean.map((value, i) => value + noise * normal[i]);
};

// Returns targets as the loss takes them.
jaxmlp.targetsOf = (labels, { task, outputs }, { classes }) => {
  if (task === "binary") return Float64Array.from(labels);
  if (outputs === classes.length || labels instanceof Int32Array) return labels;
  const each = outputs / classes.length; // quantiles of a value
  const length = labels.length * each;
  return Float64Array.from({ length }, (_, i) => labels[Math.floor(i / each)]);
};
