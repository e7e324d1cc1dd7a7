// A network that `jaxmlp.train` has trained, as `jaxmlp/play/trained.py` writes it.

// Returns it with what the engine computes by: `net`, `params`, and `examples`, a list of inputs.
jaxmlp.openRun = (run) => {
  if (run === null) return null;
  const { layers, dropout } = run;
  const hidden = layers.slice(0, -1);
  const net = jaxmlp.makeNetwork({
    inputs: layers[0].inputs,
    hidden: hidden.map(({ outputs }) => outputs),
    activations: hidden.map(({ activation }) => activation),
    outputs: layers[layers.length - 1].outputs,
    dropout,
  });
  hidden.forEach(({ alpha }, l) => { if (alpha !== null) net.layers[l].alpha = alpha; });
  const params = layers.map(({ inputs, outputs, params: packed }) => ({
    ...Object.fromEntries(Object.entries(packed).map(([name, array]) => [name, jaxmlp.decode(array)])),
    inputs,
    outputs,
  }));
  const all = run.examples === null ? new Float64Array(0) : jaxmlp.decode(run.examples);
  const examples = Array.from({ length: all.length / net.inputs }, (_, n) =>
    all.slice(n * net.inputs, (n + 1) * net.inputs));
  return { ...run, net, params, examples };
};

// Returns `{layers, outputs, answers}` for inputs before scaling, (N, inputs): answers are the
// probabilities of the classes (N, classes), or values in the target's own unit (N, values).
jaxmlp.answer = (run, x, N) => {
  const { net, params, preprocessing, task, temperature, target_preprocessing: target } = run;
  const found = jaxmlp.forward(net, params, jaxmlp.scaled(preprocessing, x), N);
  const outputs = found.outputs.map((z) => z / temperature);
  const probabilities = jaxmlp.probabilities(task, outputs, N, net.outputs);
  const answers = task === "regression" ? jaxmlp.unscaled(target, probabilities) : probabilities;
  return { layers: found.layers, outputs, answers };
};
