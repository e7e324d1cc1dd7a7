// Which weight or unit is chosen: by lists, by a click on the graph, or by keys on it.
"use strict";

page.pick = (() => {
  const { element } = page.inspect;
  const byId = (id) => document.getElementById(id);
  const usual = () => ({ kind: "weight", layer: 0, from: 0, to: 0 });
  const within = (value, count) => Math.min(Math.max(0, value), count - 1);

  // The choice, if the network has it; else the nearest that it has.
  function fitting(selected, net) {
    const layer = within(selected.layer, net.layers.length), { inputs, outputs } = net.layers[layer];
    const from = selected.from === "b" ? "b" : within(selected.from, inputs);
    return { ...selected, layer, from, to: within(selected.to, outputs) };
  }

  function fill(select, options, value) {
    const key = options.map(([name, text]) => `${name} ${text}`).join("|");
    if (select.dataset.key !== key) {
      select.replaceChildren(...options.map(([name, text]) => element("option", text, { value: name })));
      select.dataset.key = key;
    }
    if (select.value !== String(value)) select.value = String(value);
  }

  const numbered = (count, text) => Array.from({ length: count }, (_, k) => [k, `${text} ${k + 1}`]);

  function show(net, selected, batch, example) {
    const { inputs, outputs } = net.layers[selected.layer], first = selected.layer === 0, unit = selected.kind === "unit";
    fill(byId("pick-layer"), numbered(net.layers.length, "layer"), selected.layer);
    fill(byId("pick-from"), [["unit", "all: the unit itself"], ["b", "the bias"], ...numbered(inputs, first ? "input" : "unit")], unit ? "unit" : selected.from);
    fill(byId("pick-to"), numbered(outputs, selected.layer === net.layers.length - 1 ? "output" : "unit"), selected.to);
    byId("pick-example-label").hidden = !unit;
    if (unit) fill(byId("pick-example"), [...batch.places].map((place, n) => [n, `number ${place + 1}`]), example);
  }

  // The choice after a key on the graph; null for another key.
  function moved(selected, net, key) {
    const steps = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: -1, ArrowRight: 1 };
    if (key === "Enter") return { ...selected, kind: selected.kind === "unit" ? "weight" : "unit", from: selected.from === "b" ? 0 : selected.from };
    if (!(key in steps)) return null;
    const along = key === "ArrowLeft" || key === "ArrowRight", step = steps[key];
    if (selected.kind === "unit") return fitting(along ? { ...selected, layer: selected.layer + step } : { ...selected, to: selected.to + step }, net);
    const from = selected.from === "b" ? 0 : selected.from;
    return fitting(along ? { ...selected, to: selected.to + step } : { ...selected, from: from + step }, net);
  }

  // Calls `choose(selected)` or `example(n)` with what a reader takes. `state()` is `{course, selected}`.
  function listen(state, choose, example) {
    const read = () => {
      const from = byId("pick-from").value, whole = from === "unit", layer = Number(byId("pick-layer").value);
      choose({ kind: whole ? "unit" : "weight", layer, from: from === "b" ? "b" : whole ? 0 : Number(from), to: Number(byId("pick-to").value) });
    };
    for (const id of ["pick-layer", "pick-from", "pick-to"]) byId(id).addEventListener("change", read);
    byId("pick-example").addEventListener("change", () => example(Number(byId("pick-example").value)));
    const canvas = byId("network"), pointOf = (event) => ({ x: event.offsetX, y: event.offsetY });
    canvas.addEventListener("click", (event) => {
      const found = page.network.at(canvas, state().course, pointOf(event));
      if (found) choose(found);
    });
    canvas.addEventListener("pointermove", (event) => {
      canvas.style.cursor = page.network.at(canvas, state().course, pointOf(event)) ? "pointer" : "";
    });
    canvas.addEventListener("keydown", (event) => {
      const found = moved(state().selected, state().course.net, event.key);
      if (!found) return;
      event.preventDefault();
      choose(found);
    });
  }

  return { usual, fitting, moved, show, listen };
})();
