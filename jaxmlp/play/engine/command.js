// The command of a setting: what `jaxmlp.train` is told to do the same.

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\"'\"'")}'`);

const CHANGES = ["noise", "train"]; // what the page does to the points; train reads them of a file

const cell = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text); // of a CSV

const hasClasses = ({ task }) => task === "binary" || task === "multiclass"; // a class of each example
const targetNames = (dataset) => // in a file
  (hasClasses(dataset) || dataset.classes.length === 1 ? ["target"]
    : dataset.classes.map((_, k) => `target${k + 1}`));
const isGiven = (value) => value !== null && value !== undefined;

// The points of a setting that are not those of the data set, as files for `jaxmlp.train`: the name
// and the text of the part to train on, and of the test part. Empty where none is needed. Of a table
// `as_file`, whose columns `jaxmlp.train` cannot be told, there are always files.
jaxmlp.filesOf = (state, dataset) => {
  if (!dataset.as_file && !CHANGES.some((name) => isGiven(state[name]))) return [];
  const stem = [
    dataset.name.replace(/^.*[/\\]/, "").replace(/\.\w+$/, ""),
    ...(isGiven(state.noise) ? [`noise-${state.noise}`] : []),
    ...(isGiven(state.train) ? [`first-${state.train}`] : []),
  ].join("-");
  const { inputs, classes, target_preprocessing: target } = dataset;
  const columns = dataset.columns ?? Array.from({ length: inputs }, (_, i) => `x${i + 1}`);
  const header = [...columns, ...targetNames(dataset)].map(cell).join(",");
  return dataset.parts.map((part, k) => {
    const x = jaxmlp.pointsOf(part, state.noise ?? dataset.noise);
    const labels = jaxmlp.decode(part.y);
    const values = target === null ? labels : jaxmlp.unscaled(target, labels);
    const answers = hasClasses(dataset)
      ? (n) => [cell(`class ${classes[labels[n]]}`)]
      : (n) => Array.from(values.subarray(n * classes.length, (n + 1) * classes.length));
    const all = x.length / inputs;
    const length = k === 0 ? Math.min(state.train ?? all, all) : all;
    const rows = Array.from({ length }, (_, n) =>
      [...x.subarray(n * inputs, (n + 1) * inputs), ...answers(n)].join(","));
    return { name: `${stem}${k === 0 ? "" : "-test"}.csv`, text: `${[header, ...rows].join("\n")}\n` };
  });
};

const OPTIONS = [ // of a setting, in the order of the command
  "hidden", "activation", "alpha", "initializer", "initializer_scale", "fan", "loss", "optimizer",
  "learning_rate", "momentum", "decay", "beta1", "beta2", "epsilon", "clip_norm", "schedule",
  "schedule_end", "restarts", "batch_size", "epochs", "dropout", "weight_decay", "seed",
];

// Returns the command. `state` has the options of `jaxmlp.train` by their names, lists as lists, and
// what is `null` or missing is left out; `noise` and `train`, where they are given, mean that the
// points are those of `filesOf`. The whole training part is trained on, as on the page.
jaxmlp.commandOf = (state, dataset) => {
  const files = jaxmlp.filesOf(state, dataset);
  const zscore = files.length > 0 && dataset.preprocessing.kind === "zscore" ? "zscore" : null;
  const task = hasClasses(dataset) ? null : dataset.task;
  const data = files.length > 0
    ? { dataset: files[0].name, target: targetNames(dataset).join(","), test: files[1].name, task }
    : { ...dataset.options };
  const { activation = [] } = state;
  const same = activation.every((name) => name === activation[0]);
  const told = {
    ...data,
    preprocessing: state.preprocessing ?? zscore,
    valid_size: 0,
    ...Object.fromEntries(OPTIONS.map((name) => [name, state[name]])),
    activation: activation.length === 0 ? null : same ? activation.slice(0, 1) : activation,
    dropout: state.hidden.length === 0 ? null : state.dropout,
  };
  const words = Object.entries(told).flatMap(([name, value]) => {
    if (!isGiven(value)) return [];
    const flag = name.replaceAll("_", "-");
    if (typeof value === "boolean") return [value ? `--${flag}` : `--no-${flag}`];
    const values = Array.isArray(value) ? value : [value];
    return [`--${flag}`, ...values.map((each) => quoted(String(each)))];
  });
  return ["python -m jaxmlp.train", ...words].join(" ");
};
