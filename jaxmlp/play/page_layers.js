// A row for each layer: histograms of its activations and of its gradients, and its dead units.
"use strict";

page.layers = (() => {
  const { theme, css, prepare, short, label } = page.draw;
  const BINS = 36, PROBES = 200; // examples on which the units are judged
  const HEIGHT = 52, SMALLEST = -10, LARGEST = 2; // powers of ten at the ends of the bar of sizes

  // Forward on the first training examples, without dropout.
  function probe(course) {
    const { net, state, data } = course;
    const N = Math.min(PROBES, page.run.measuredOf(course, data.train));
    return { N, ...jaxmlp.forward(net, state.params, data.train.X.subarray(0, N * data.width), N) };
  }

  function countsOf(values) {
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
    if (!(high > low)) [low, high] = Number.isFinite(low) ? [low - 0.5, low + 0.5] : [-1, 1];
    const counts = new Float64Array(BINS);
    for (const value of values) {
      if (Number.isFinite(value)) counts[Math.min(BINS - 1, Math.floor(BINS * (value - low) / (high - low)))] += 1;
    }
    return { low, high, counts };
  }

  function histogram(canvas, values, colour, size = null) {
    const ready = prepare(canvas, HEIGHT);
    if (!ready) return;
    const { context, width } = ready, { low, high, counts } = countsOf(values);
    const most = Math.sqrt(counts.reduce((a, b) => Math.max(a, b), 1)), base = HEIGHT - 14, tall = base - (size === null ? 2 : 12);
    context.fillStyle = css(colour);
    counts.forEach((count, k) => {
      const h = tall * Math.sqrt(count) / most;
      context.fillRect(k * width / BINS, base - h, width / BINS - 1, h);
    });
    context.strokeStyle = theme().edge;
    context.strokeRect(0, base, width, 0);
    context.font = "10px system-ui, sans-serif";
    context.textBaseline = "middle";
    label(context, short(low), 0, HEIGHT - 6, "left", theme().faint);
    label(context, short(high), width, HEIGHT - 6, "right", theme().faint);
    if (low < 0 && high > 0) {
      context.strokeStyle = theme().ink;
      context.beginPath();
      context.moveTo(-low / (high - low) * width, base - tall);
      context.lineTo(-low / (high - low) * width, base + 3);
      context.stroke();
    }
    if (size !== null) sizeBar(context, width, size);
  }

  // A bar whose length is the power of ten of a size: layers can be compared by it.
  function sizeBar(context, width, size) {
    const share = Math.max(0, Math.min(1, (Math.log10(size) - SMALLEST) / (LARGEST - SMALLEST)));
    context.fillStyle = theme().edge;
    context.fillRect(0, 1, width, 5);
    context.fillStyle = theme().ink;
    context.fillRect(0, 1, Number.isNaN(share) ? 0 : share * width, 5);
  }

  function build(table, course) {
    table.textContent = "";
    const head = table.createTHead().insertRow();
    for (const text of ["Layer", "Activations", "Gradients of W", "Size, units"]) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = text;
      head.append(cell);
    }
    const body = table.createTBody();
    course.net.layers.forEach(({ activation, inputs, outputs }, l) => {
      const row = body.insertRow(), last = l === course.net.layers.length - 1;
      row.insertCell().textContent = last ? `${l + 1}: outputs z, ${inputs} × ${outputs}` : `${l + 1}: ${activation}, ${inputs} × ${outputs}`;
      for (const what of ["activations", "gradients"]) {
        const canvas = document.createElement("canvas");
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `Histogram of the ${what} of layer ${l + 1}`);
        row.insertCell().append(canvas);
      }
      row.insertCell();
    });
  }

  function write(cell, size, dead, hidden) {
    const count = dead.filter(Boolean).length, text = hidden ? `${short(size)}; ${count} of ${dead.length} dead` : short(size);
    if (cell.textContent !== text) cell.textContent = text;
    cell.className = hidden && count > 0 ? "dead" : "";
  }

  // `probed` is what `probe` returns, `found` the step that comes next.
  function draw(table, course, probed, found, dead) {
    [...table.tBodies[0].rows].forEach((row, l) => {
      const [, first, second, text] = row.cells;
      const size = page.terms.size(found.grads[l].W);
      histogram(first.firstChild, probed.layers[l].a, theme().minus);
      histogram(second.firstChild, found.grads[l].W, theme().plus, size);
      write(text, size, dead[l], l < course.net.hidden.length);
    });
  }

  const HINT = "The units are judged on the first training examples, the gradients are those of the next step. Heights are roots "
    + "of counts. The upper bar is the size of the gradient, the root of its mean square, on a scale of powers of ten from "
    + "1e−10 to 100. A unit is dead if its slope is 0 on all these examples (lecture row B11); the graph marks it with a cross.";

  return { PROBES, HINT, probe, build, draw };
})();
