// The form of the setting. A choice that does not go with the others is disabled and says why.
"use strict";

page.controls = (() => {
  const { element } = page.inspect;
  const formulaOf = (table, name) => (table[name] ? `${table[name].formula}${table[name].row ? ` (row ${table[name].row})` : ""}` : "");
  const names = (table) => Object.keys(table).map((name) => ({ value: name, text: name }));

  // Each control: its label, and the options of a choice or the kind of an input.
  const SPECS = [
    { name: "data", label: "Data set", options: ({ content }) => content.datasets.map(({ name, title }) => ({ value: name, text: title })) },
    { name: "noise", label: "Noise, standard deviation", step: 0.05 },
    { name: "train", label: "Training examples, 0 for all", step: 1 },
    { name: "prep", label: "Scaling of inputs", options: ({ dataset }) => [{ value: "usual", text: dataset.preprocessing.kind }, { value: "none", text: "none" }] },
    { name: "hidden", label: "Hidden layers, widths", input: "text" },
    { name: "act", label: "Activation", options: activationOptions, formula: ({ setting }) => formulaOf(jaxmlp.ACTIVATIONS, setting.act[0]) },
    { name: "init", label: "Initializer", options: () => names(jaxmlp.INITIALIZERS), formula: ({ setting }) => formulaOf(jaxmlp.INITIALIZERS, setting.init) },
    { name: "scale", label: "Its scale", step: "any" },
    { name: "loss", label: "Loss", options: lossOptions, formula: ({ setting, dataset }) => formulaOf(jaxmlp.LOSSES, page.data.lossOf(dataset, setting)) },
    { name: "opt", label: "Optimizer", options: () => names(jaxmlp.OPTIMIZERS), formula: ({ setting }) => formulaOf(jaxmlp.OPTIMIZERS, setting.opt) },
    { name: "rate", label: "Learning rate η", step: "any" },
    { name: "mu", label: "Momentum μ", step: "any" },
    { name: "sched", label: "Schedule of the rate", options: () => names(jaxmlp.SCHEDULES), formula: ({ setting }) => formulaOf(jaxmlp.SCHEDULES, setting.sched) },
    { name: "epochs", label: "Epochs of the schedule", step: 1 },
    { name: "batch", label: "Batch size", step: 1 },
    { name: "drop", label: "Dropout, share dropped", step: 0.05 },
    { name: "decay", label: "Weight decay λ", step: "any" },
    { name: "seed", label: "Seed", step: 1 },
  ];

  function activationOptions({ setting }) {
    const all = Object.keys(jaxmlp.ACTIVATIONS).map((name) => ({ value: name, text: name, reason: page.check.whyNotActivation(name) }));
    return setting.act.length > 1 ? [{ value: setting.act.join(","), text: setting.act.join(", ") }, ...all] : all;
  }

  function lossOptions({ dataset, setting }) {
    const usual = page.data.lossOf(dataset, { ...setting, loss: "" });
    return [{ value: "", text: `${usual} (usual)` },
      ...Object.keys(jaxmlp.LOSSES).map((name) => ({ value: name, text: name, reason: page.data.whyNot(dataset, name) }))];
  }

  function control(spec) {
    const id = `set-${spec.name}`;
    const attributes = { id, name: spec.name, "aria-describedby": `${id}-note` };
    if (spec.options) return element("select", [], attributes);
    attributes.type = spec.input || "number";
    return element("input", [], spec.step ? { ...attributes, step: spec.step, inputmode: "decimal" } : attributes);
  }

  // Builds the form; `change(name, text)` is called with what a reader gives.
  function build(form, change) {
    for (const spec of SPECS) {
      const input = control(spec), id = `set-${spec.name}`;
      input.addEventListener("change", () => change(spec.name, input.value));
      const field = [element("label", spec.label, { for: id }), input, element("small", [], { id: `${id}-note` })];
      if (spec.formula) field.push(element("p", [], { class: "formula", id: `${id}-formula` }));
      form.append(element("div", field, { class: "field" }));
    }
    form.append(element("fieldset", [element("legend", "Activation of each layer"), element("div", [], { id: "each-layer", class: "row" })]));
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  function fill(select, options, value) {
    const made = options.map(({ value: name, text, reason }) => {
      const option = element("option", reason ? `${text}: no, ${reason}` : text, { value: name });
      option.disabled = Boolean(reason);
      return option;
    });
    select.replaceChildren(...made);
    select.value = value;
  }

  function note(name, text, wrong) {
    const small = document.getElementById(`set-${name}-note`);
    small.textContent = text;
    small.className = wrong ? "wrong" : "";
  }

  // One choice of an activation for each hidden layer.
  function eachLayer(box, setting, change) {
    const chosen = setting.hidden.map((_, l) => setting.act[Math.min(l, setting.act.length - 1)]);
    box.parentElement.hidden = chosen.length === 0;
    box.replaceChildren(...chosen.map((name, l) => {
      const select = element("select", [], { "aria-label": `Activation of layer ${l + 1}` });
      fill(select, activationOptions({ setting: { act: [] } }), name);
      select.addEventListener("change", () => change("act", chosen.map((old, k) => (k === l ? select.value : old)).join(",")));
      return select;
    }));
  }

  // Shows a setting. `context` is `{setting, dataset, content}`.
  function show(context, change) {
    const idle = page.check.idle(context.setting, context.dataset);
    for (const spec of SPECS) {
      const input = document.getElementById(`set-${spec.name}`), value = context.setting[spec.name];
      const text = Array.isArray(value) ? value.join(spec.options ? "," : ", ") : String(value ?? context.dataset[spec.name] ?? "");
      if (spec.options) fill(input, spec.options(context), text);
      else input.value = text;
      input.disabled = Boolean(idle[spec.name]);
      note(spec.name, idle[spec.name] || "", false);
      if (spec.formula) document.getElementById(`set-${spec.name}-formula`).textContent = spec.formula(context);
    }
    eachLayer(document.getElementById("each-layer"), context.setting, change);
  }

  const complain = (name, text) => note(name, text, true);

  return { build, show, complain };
})();
