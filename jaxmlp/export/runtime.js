// A trained network in JavaScript, for a browser or Node, without any library.
//
//   import { predict, predictProba, classes } from "./model.js";
//   predict([{ age: 41, town: "Bern" }]);  // a table: an array of rows
//   predictProba(images);                  // or an array of examples: nested, flat or typed arrays
//
// `predict` returns the name of the class of each example, for labels whether each applies, for
// numbers the values. `predictProba` returns the probabilities of `classes`, in their order. A number
// that is missing is null, NaN or an empty text; so is a category, and an unseen one is none of
// those known. A time is an ISO text such as 2024-05-17T09:30, or a Date.

const DAY = 86400000; // milliseconds
const product = (sizes) => sizes.reduce((a, b) => a * b, 1);
const isMissing = (cell, markers) => cell === null || Number.isNaN(cell)
  || (typeof cell === "string" && markers.includes(cell.trim().toLowerCase()));

function decode(text, type) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const size = type === "f8" ? 8 : 4;
  return Float64Array.from({ length: bytes.length / size }, (_, i) =>
    size === 8 ? view.getFloat64(8 * i, true) : view.getFloat32(4 * i, true));
}

// columns of a table: each becomes one or several inputs

const COLUMNS = {
  number(column, cell) {
    const value = typeof cell === "string" && cell.trim() === "" ? NaN : Number(cell);
    if (!Number.isFinite(value)) throw new TypeError(`the column "${column.name}" must be a number, got "${cell}"`);
    return [value];
  },
  category(column, cell) {
    const like = typeof cell === "boolean" ? (text) => text.toLowerCase() : (text) => text;
    const text = String(cell).trim();
    return column.categories.map((known) => (text === like(known) ? 1 : 0));
  },
  time(column, cell) {
    const time = moment(cell);
    if (Number.isNaN(time.getTime())) throw new TypeError(`the column "${column.name}" must be a time such as 2024-05-17T09:30, got "${cell}"`);
    const parts = {
      days: time.getTime() / DAY,
      year: time.getUTCFullYear(),
      month: time.getUTCMonth() + 1,
      weekday: (time.getUTCDay() + 6) % 7,
      hour: (((time.getTime() % DAY) + DAY) % DAY) / (DAY / 24),
    };
    return column.parts.map((part) => parts[part]);
  },
};

function moment(cell) { // in UTC, if it names no zone
  if (cell instanceof Date) return cell;
  const found = /^(\d{4}-\d\d-\d\d)([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?$/.exec(String(cell).trim());
  return new Date(found ? `${found[1]}${(found[2] ?? " 00:00").replace(" ", "T")}${found[5] ?? "Z"}` : NaN);
}

function inputsOf(column, cell, markers) {
  const gap = isMissing(cell, markers);
  const indicator = column.gaps ? [gap ? 1 : 0] : [];
  if (!gap) return [...COLUMNS[column.kind](column, cell), ...indicator];
  if (column.kind === "category") return [...column.categories.map(() => 0), ...indicator];
  if (column.fill === null) throw new RangeError(`the column "${column.name}" must have a value`);
  const fills = column.kind === "time" ? column.parts.map((part) => column.fill[part]) : [column.fill];
  return [...fills, ...indicator];
}

function encode(model, example) {
  if (model.columns === null) {
    const flat = ArrayBuffer.isView(example) ? example : example.flat(Infinity);
    if (flat.length !== product(model.shape)) throw new RangeError(`an example must have ${product(model.shape)} numbers, got ${flat.length}`);
    return Float64Array.from(flat);
  }
  return Float64Array.from(model.columns.flatMap((column) => {
    if (!(column.name in example)) throw new RangeError(`every row needs the column "${column.name}"`);
    return inputsOf(column, example[column.name] ?? null, model.markers);
  }));
}

function scaled(model, x) {
  const { offset, scale } = model;
  const round = model.precise ? (value) => value : Math.fround;
  const straight = x.map((value, i) => (round(value) - offset[i % offset.length]) * scale[i % scale.length]);
  if (model.bend === null) return straight;
  return straight.map((z) => Math.max(-1e9, Math.min(1e9, z))).map((z) => z / Math.sqrt(1 + (z / model.bend) ** 2));
}

// operations: each takes and returns { data, shape }, the channels of an image last

const each = (f) => ({ data, shape }) => ({ data: data.map((z, i) => f(z, i)), shape });
const sigmoid = (z) => {
  const small = Math.exp(-Math.abs(z)); // never overflows
  return (z >= 0 ? 1 : small) / (1 + small);
};

function erf(x) { // the series of positive terms: nothing cancels
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

function dense({ data }, { W, b }) {
  const [inputs, units] = W.shape;
  const z = b ? Float64Array.from(b.data) : new Float64Array(units);
  for (let i = 0; i < inputs; i += 1) {
    for (let j = 0; j < units; j += 1) z[j] += data[i] * W.data[i * units + j];
  }
  return { data: z, shape: [units] };
}

function windowsOf([height, width], step) { // the rows of the pixels in each window, and the columns
  return [height, width].map((size, axis) => {
    const [k, s, d] = [step.window[axis], step.stride[axis], step.dilation[axis]];
    const [before, after] = step.margins[axis];
    const many = Math.floor((before + size + after - ((k - 1) * d + 1)) / s) + 1;
    return Array.from({ length: many }, (_, i) =>
      Array.from({ length: k }, (_, u) => i * s + u * d - before).map((p) => (p >= 0 && p < size ? p : -1)));
  });
}

function convolution({ data, shape }, step) {
  const [rows, columns] = windowsOf(shape, step);
  const [, l, c, outputs] = step.W.shape;
  const y = new Float64Array(rows.length * columns.length * outputs);
  rows.forEach((ps, i) => columns.forEach((qs, j) => {
    const start = (i * columns.length + j) * outputs;
    for (let o = 0; o < outputs; o += 1) {
      const first = Math.floor(o / (outputs / step.groups)) * c; // channel of the output's group
      let sum = step.b ? step.b.data[o] : 0;
      ps.forEach((p, u) => qs.forEach((q, v) => {
        if (p < 0 || q < 0) return;
        const pixel = (p * shape[1] + q) * shape[2] + first;
        const cell = (u * l + v) * c;
        for (let k = 0; k < c; k += 1) sum += data[pixel + k] * step.W.data[(cell + k) * outputs + o];
      }));
      y[start + o] = sum;
    }
  }));
  return { data: y, shape: [rows.length, columns.length, outputs] };
}

function pooled({ data, shape }, step, join) {
  const [rows, columns] = windowsOf(shape, step);
  const y = new Float64Array(rows.length * columns.length * shape[2]);
  rows.forEach((ps, i) => columns.forEach((qs, j) => {
    for (let c = 0; c < shape[2]; c += 1) {
      const inside = ps.flatMap((p) => qs.map((q) => (p < 0 || q < 0 ? -1 : (p * shape[1] + q) * shape[2] + c)));
      y[(i * columns.length + j) * shape[2] + c] = join(inside.filter((at) => at >= 0).map((at) => data[at]));
    }
  }));
  return { data: y, shape: [rows.length, columns.length, shape[2]] };
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

function layer_norm({ data, shape }, { gamma, beta, epsilon }) {
  const units = shape[shape.length - 1];
  const y = new Float64Array(data.length);
  for (let start = 0; start < data.length; start += units) {
    const x = data.subarray(start, start + units);
    const centre = mean(x);
    const sigma = Math.sqrt(mean(x.map((value) => (value - centre) ** 2)) + epsilon);
    x.forEach((value, i) => { y[start + i] = (gamma.data[i] * (value - centre)) / sigma + beta.data[i]; });
  }
  return { data: y, shape };
}

const OPERATIONS = {
  dense,
  convolution,
  layer_norm,
  max_pool: (x, step) => pooled(x, step, (values) => Math.max(...values)),
  average_pool: (x, step) => pooled(x, step, mean),
  flatten: ({ data }) => ({ data, shape: [data.length] }),
  ensemble: (x, { members, mix }) => {
    const data = MIXES[mix](members.map((steps) => Array.from(after(x, steps).data)));
    return { data, shape: [data.length] };
  },
  prelu: (x, { alpha }) => each((z, i) => (z > 0 ? z : alpha.data[i % alpha.data.length] * z))(x),
  identity: (x) => x,
  relu: each((z) => Math.max(z, 0)),
  leaky_relu: (x, { alpha }) => each((z) => (z > 0 ? z : alpha * z))(x),
  elu: (x, { alpha }) => each((z) => (z > 0 ? z : alpha * Math.expm1(z)))(x),
  sigmoid: each(sigmoid),
  tanh: each(Math.tanh),
  softplus: each((z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)))),
  gelu: each((z) => (z * (1 + erf(z / Math.SQRT2))) / 2),
  silu: each((z) => z * sigmoid(z)),
  step: each((z) => (z >= 0 ? 1 : 0)),
};

const ANSWERS = {
  softmax(z) {
    const most = Math.max(...z);
    const e = z.map((value) => Math.exp(value - most));
    const sum = e.reduce((a, b) => a + b, 0);
    return e.map((value) => value / sum);
  },
  two_classes: ([z]) => [sigmoid(-z), sigmoid(z)],
  sigmoid: (z) => z.map(sigmoid),
  numbers: (z, model) => z.map((value, k) =>
    value / model.target_scale[k % model.target_scale.length] + model.target_offset[k % model.target_offset.length]),
};

// the outputs of an ensemble's members as those of one network

const meanOf = (outputs) => outputs[0].map((_, k) => mean(outputs.map((z) => z[k])));
const MIXES = {
  mean: meanOf,
  softmax: (outputs) => meanOf(outputs.map(ANSWERS.softmax)).map(Math.log),
  sigmoid(outputs) {
    const [yes, no] = [1, -1].map((sign) => meanOf(outputs.map((z) => z.map((value) => sigmoid(sign * value)))));
    return yes.map((p, k) => Math.log(p) - Math.log(no[k]));
  },
};

const after = (x, steps) => steps.reduce((found, step) => OPERATIONS[step.op](found, step), x);

function network(model, text) {
  const weights = decode(text, model.weights);
  const withArrays = (step) => {
    const ready = { ...step, members: step.members?.map((member) => member.map(withArrays)) };
    for (const name of ["W", "b", "gamma", "beta", "alpha"]) {
      if (Array.isArray(step[name])) {
        const [start, shape] = step[name];
        ready[name] = { data: weights.subarray(start, start + product(shape)), shape };
      }
    }
    return ready;
  };
  const steps = model.steps.map(withArrays);
  const answer = (example) => {
    const x = { data: scaled(model, encode(model, example)), shape: model.shape };
    const z = Array.from(after(x, steps).data, (value) => value / model.temperature);
    return Array.from(ANSWERS[model.answer](z, model));
  };
  const decide = (found) => {
    if (model.task === "regression") return found.length === 1 ? found[0] : found;
    if (model.task === "multilabel") return found.map((p) => p > 0.5);
    const best = found.length === 2 ? Number(found[1] > model.threshold) : found.indexOf(Math.max(...found));
    return model.classes[best];
  };
  return {
    classes: model.classes,
    answers: (examples) => Array.from(examples, answer),
    predict: (examples) => Array.from(examples, (example) => decide(answer(example))),
    predictProba(examples) {
      if (model.task === "regression") throw new TypeError("predictProba is for classes, and this network predicts numbers");
      return Array.from(examples, answer);
    },
  };
}
