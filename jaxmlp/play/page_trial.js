// A trained network on trial: a drawing goes in, probabilities and hidden units are shown.
"use strict";

page.trial = (() => {
  const byId = (id) => document.getElementById(id);

  // How the drawings of a network were made: of an unknown one as those of MNIST, in its size.
  function formOf({ picture, drawing }) {
    const [rows, columns] = picture, { box, shape } = page.digit.MNIST;
    const usual = { box: Math.round(box / shape[0] * Math.min(rows, columns)), centre: [rows / 2, columns / 2] };
    return { ...usual, ...drawing, shape: picture };
  }

  // Reads the network of the page; null without one that tells classes of pictures apart.
  function open(run) {
    const suits = run !== null && run.picture !== null && run.task !== "regression";
    return suits ? { ...jaxmlp.openRun(run), form: formOf(run) } : null;
  }

  // The drawing in the numbers of the training pictures, whose ink may be dark on light.
  function inputsOf({ light, preprocessing: { kind, scale } }, pixels) {
    const full = kind === "scale" ? 1 / scale[0] : 255;
    return pixels.map((ink) => full * (light ? 1 - ink / 255 : ink / 255));
  }

  // A picture of the data as ink, bytes: `inputsOf` the other way round.
  function inkOf({ light, preprocessing: { kind, scale } }, inputs) {
    const full = kind === "scale" ? 1 / scale[0] : 255;
    return inputs.map((value) => 255 * (light ? 1 - value / full : value / full));
  }

  const answer = (trained, pixels) => jaxmlp.answer(trained, inputsOf(trained, pixels), 1);

  function show(trained, drawing) {
    const pixels = page.pad.digitOf(drawing, trained.form), found = pixels === null ? null : answer(trained, pixels);
    byId("pad-panel").classList.toggle("drawn", pixels !== null);
    page.pad.paint(byId("pad"), drawing, trained.form);
    page.pad.seen(byId("pad-seen"), pixels, trained.form);
    page.pad.bars(byId("pad-bars"), trained.classes, found && [...found.answers]);
    page.pad.units(byId("pad-units"), found && found.layers);
  }

  function begin(run) {
    const trained = open(run);
    byId("pad-panel").hidden = trained === null;
    if (trained === null) return;
    const drawing = page.pad.empty(), changed = () => show(trained, drawing), { net, form } = trained;
    byId("pad-about").textContent = `The network ${[net.inputs, ...net.hidden, net.outputs].join("-")} of ${trained.name} was trained by jaxmlp.train. `
      + `Your drawing is scaled into a box of ${form.box} x ${form.box} pixels and centred by its mass, as the training pictures were.`;
    page.pad.listen(byId("pad"), drawing, changed);
    byId("pad-clear").addEventListener("click", () => { Object.assign(drawing, page.pad.empty()); changed(); });
    byId("pad-example").hidden = trained.examples.length === 0;
    let next = 0;
    byId("pad-example").addEventListener("click", () => {
      Object.assign(drawing, page.pad.empty(), { given: inkOf(trained, trained.examples[next % trained.examples.length]) });
      next += 1;
      changed();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
    new ResizeObserver(changed).observe(byId("pad-panel"));
  }

  return { formOf, open, inputsOf, answer, begin };
})();
