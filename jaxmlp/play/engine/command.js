// The command of a setting: what `jaxmlp.train` is told to do the same.

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\"'\"'")}'`);

const ONE_FILE = ["noise", "train"]; // what the page does to the points; train reads them of a file

const isGiven = (value) => value !== null && value !== undefined;

// The points of a setting that are not those of the data set, as files for `jaxmlp.train`: the name
// and the text of the part to train on, and of the test part. Empty where none is needed.
jaxmlp.filesOf = (state, dataset) => {
  if (!ONE_FILE.some((name) => isGiven(state[name]))) return [];
  const stem = [
    dataset.name.replace(/^.*[/\\]/, "").replace(/\.\w+$/, ""),
    ...(isGiven(state.noise) ? [`noise-${state.noise}`] : []),
    ...(isGiven(state.train) ? [`first-${state.train}`] : []),
  ].join("-");
  const columns = dataset.columns ?? Array.from({ length: dataset.inputs }, (_, i) => `x${i + 1}`);
  const regression = dataset.task === "regression";
  return dataset.parts.map((part, k) => {
    const x = jaxmlp.pointsOf(part, state.noise ?? dataset.noise);
    const labels = jaxmlp.decode(part.y);
    const y = regression ? jaxmlp.unscaled(dataset.target_preprocessing, labels) : labels;
    const all = x.length / dataset.inputs;
    const length = k === 0 ? Math.min(state.train ?? all, all) : all;
    const rows = Array.from({ length }, (_, n) => {
      const inputs = Array.from(x.subarray(n * dataset.inputs, (n + 1) * dataset.inputs));
      return [...inputs, regression ? y[n] : `class ${dataset.classes[y[n]]}`].join(",");
    });
    const name = `${stem}${k === 0 ? "" : "-test"}.csv`;
    return { name, text: `${[...columns, "target"].join(",")}\n${rows.join("\n")}\n` };
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
  const data = files.length > 0
    ? { dataset: files[0].name, target: "target", test: files[1].name }
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
