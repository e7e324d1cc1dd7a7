// The paper to draw on, and what a trained network says of the drawing.
"use strict";

page.pad = (() => {
  const { theme, prepare, diverging, picture, css, short, label } = page.draw;
  const { element } = page.inspect;
  const SIDE = 28, PEN = 0.1; // the paper in pixels of a digit; the pen's width, of the drawing's size
  const FINE = 112; // pixels of the side in which the drawing is computed

  // What a drawing is: lines, each a list of points in [0, 1]; and where the pen of the keyboard is.
  const empty = () => ({ lines: [], pen: { x: 0.5, y: 0.3 }, down: false, keys: false, given: null });

  function sizeOf(lines) {
    const all = lines.flat(), span = (key) => Math.max(...all.map((p) => p[key])) - Math.min(...all.map((p) => p[key]));
    return all.length === 0 ? 1 : Math.max(0.15, span("x"), span("y"));
  }

  function trace(context, lines, side, width) {
    context.lineWidth = width;
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = "#fff";
    for (const line of lines) {
      context.beginPath();
      line.forEach(({ x, y }) => context.lineTo(x * side, y * side));
      if (line.length === 1) context.lineTo(line[0].x * side + 0.1, line[0].y * side);
      context.stroke();
    }
  }

  // The ink of the drawing, (FINE, FINE), with a pen that suits its size.
  function inkOf(lines) {
    const canvas = element("canvas", [], { width: FINE, height: FINE }), context = canvas.getContext("2d", { willReadFrequently: true });
    trace(context, lines, FINE, PEN * FINE * sizeOf(lines));
    const { data } = context.getImageData(0, 0, FINE, FINE);
    return Float64Array.from({ length: FINE * FINE }, (_, place) => data[4 * place + 3]);
  }

  // The drawing as the network wants it, bytes; null if there is none.
  function digitOf(drawing, form) {
    if (drawing.given) return drawing.given;
    return drawing.lines.length === 0 ? null : page.digit.centred(inkOf(drawing.lines), FINE, FINE, form);
  }

  function paint(canvas, drawing, form) {
    const context = canvas.getContext("2d"), side = canvas.width;
    context.clearRect(0, 0, side, side);
    if (drawing.given) {
      const [rows, columns] = form.shape;
      context.imageSmoothingEnabled = false;
      context.drawImage(picture("given", columns, rows, (place) => new Array(3).fill(drawing.given[place])), 0, 0, side, side);
    }
    trace(context, drawing.lines, side, PEN * side * Math.max(0.5, sizeOf(drawing.lines)));
    if (!drawing.keys) return;
    context.beginPath();
    context.arc(drawing.pen.x * side, drawing.pen.y * side, 9, 0, 2 * Math.PI);
    context.lineWidth = 3;
    context.strokeStyle = drawing.down ? "#f5a142" : "#5aaae8";
    context.stroke();
  }

  function seen(canvas, pixels, form) {
    const [rows, columns] = form.shape, ready = prepare(canvas, 168);
    if (!ready || pixels === null) return;
    ready.context.imageSmoothingEnabled = false;
    ready.context.drawImage(picture("seen", columns, rows, (place) => new Array(3).fill(pixels[place])), 0, 0, 168, 168);
  }

  function bars(table, classes, probabilities) {
    const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
    table.replaceChildren(element("tbody", classes.map((name, k) => {
      const p = probabilities ? probabilities[k] : 0;
      const fill = element("div", [], { class: "fill", style: `width:${100 * p}%` });
      return element("tr", [element("td", String(name)), element("td", fill), element("td", probabilities ? `${(100 * p).toFixed(1)} %` : "", { class: "number" })], k === best ? { class: "best" } : {});
    })));
  }

  // The hidden units: a square each, the row of a layer after the other.
  function units(canvas, layers) {
    const hidden = layers ? layers.slice(0, -1) : [], columns = 16, side = 15;
    const rows = hidden.map(({ a }) => Math.ceil(a.length / columns));
    const ready = prepare(canvas, Math.max(20, rows.reduce((sum, count) => sum + count * side + 22, 0)));
    if (!ready) return;
    const { context } = ready;
    let top = 0;
    hidden.forEach(({ a }, l) => {
      const most = a.reduce((m, value) => Math.max(m, Math.abs(value)), 1e-9);
      context.font = "11px system-ui, sans-serif";
      context.textBaseline = "middle";
      label(context, `layer ${l + 1}, ${a.length} units, largest ${short(most)}`, 0, top + 8, "left", theme().faint);
      a.forEach((value, k) => {
        const at = [(k % columns) * side, top + 18 + Math.floor(k / columns) * side, side - 2, side - 2];
        context.fillStyle = css(diverging(value / most));
        context.fillRect(...at);
        context.strokeStyle = theme().edge;
        context.strokeRect(...at);
      });
      top += rows[l] * side + 22;
    });
  }

  function placeOf(canvas, event) {
    const box = canvas.getBoundingClientRect(), within = (value) => Math.min(1, Math.max(0, value));
    return { x: within((event.clientX - box.left) / box.width), y: within((event.clientY - box.top) / box.height) };
  }

  function listen(canvas, drawing, changed) {
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      [drawing.given, drawing.keys, drawing.active] = [null, false, true];
      drawing.lines.push([placeOf(canvas, event)]);
      changed();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!drawing.active) return;
      drawing.lines[drawing.lines.length - 1].push(placeOf(canvas, event));
      changed();
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { drawing.active = false; });
    canvas.addEventListener("keydown", (event) => { if (pressed(drawing, event.key)) { event.preventDefault(); changed(); } });
  }

  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  // Moves the pen by keys; returns whether the key means something.
  function pressed(drawing, key) {
    const within = (value) => Math.min(1, Math.max(0, value));
    if (key === "Delete" || key === "Backspace") Object.assign(drawing, empty(), { keys: true });
    else if (key === " ") {
      [drawing.down, drawing.keys, drawing.given] = [!drawing.down, true, null];
      if (drawing.down) drawing.lines.push([{ ...drawing.pen }]);
    } else if (key in MOVES) {
      drawing.keys = true;
      drawing.pen = { x: within(drawing.pen.x + MOVES[key][0] / SIDE), y: within(drawing.pen.y + MOVES[key][1] / SIDE) };
      if (drawing.down) drawing.lines[drawing.lines.length - 1].push({ ...drawing.pen });
    } else return false;
    return true;
  }

  return { empty, digitOf, paint, seen, bars, units, listen, pressed };
})();
