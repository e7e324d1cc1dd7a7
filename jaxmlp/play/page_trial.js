// A trained network on trial: a drawing goes in, probabilities and hidden units are shown.
"use strict";

page.trial = (() => {
  const byId = (id) => document.getElementById(id);

  // Reads the network of the page; null without one that takes pictures of one colour.
  function open(run) {
    return run === null || !run.picture ? null : { ...run, form: { ...page.digit.MNIST, shape: run.picture, ...run.drawing } };
  }

  // The probabilities and the hidden layers of a picture, bytes on 0.
  function answer(trained, pixels) {
    const { net, params, preprocessing, task } = trained;
    const { layers, outputs } = jaxmlp.forward(net, params, jaxmlp.scaled(preprocessing, pixels), 1);
    return { layers, probabilities: [...jaxmlp.probabilities(task, outputs, 1, net.outputs)] };
  }

  function show(trained, drawing) {
    const pixels = page.pad.digitOf(drawing, trained.form), found = pixels === null ? null : answer(trained, pixels);
    page.pad.paint(byId("pad"), drawing, trained.form);
    page.pad.seen(byId("pad-seen"), pixels, trained.form);
    page.pad.bars(byId("pad-bars"), trained.classes, found && found.probabilities);
    page.pad.units(byId("pad-units"), found && found.layers);
  }

  function begin(run) {
    const trained = open(run);
    byId("pad-panel").hidden = trained === null;
    if (trained === null) return;
    const drawing = page.pad.empty(), changed = () => show(trained, drawing);
    byId("pad-about").textContent = `The network ${[trained.net.inputs, ...trained.net.hidden, trained.net.outputs].join("-")} was trained by jaxmlp.train. `
      + "Your drawing is scaled into a box of 20 x 20 pixels and centred by its mass, as the training digits were.";
    page.pad.listen(byId("pad"), drawing, changed);
    byId("pad-clear").addEventListener("click", () => { Object.assign(drawing, page.pad.empty()); changed(); });
    byId("pad-example").hidden = trained.examples.length === 0;
    let next = 0;
    byId("pad-example").addEventListener("click", () => {
      Object.assign(drawing, page.pad.empty(), { given: trained.examples[next % trained.examples.length] });
      next += 1;
      changed();
    });
    changed();
  }

  return { open, answer, begin };
})();
