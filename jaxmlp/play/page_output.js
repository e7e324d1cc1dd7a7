// What the network says: regions for two inputs, a curve for one, else how often it takes one class
// for another. Small pictures show the same of each unit.
"use strict";

page.output = (() => {
  const { theme, diverging, mix, css, prepare, picture, mark, label } = page.draw;
  const CELLS = 40, SMALL = 20; // the sides of the grid, and of a unit's picture
  const MARGIN = 0.12; // of the range, around the points
  const MOST_POINTS = 300;
  const HALF = ["sigmoid", "step"]; // they lie in [0, 1]: white is 1/2

  function rangeOf(raw, width, column) {
    let [low, high] = [Infinity, -Infinity];
    for (let place = column; place < raw.length; place += width) [low, high] = [Math.min(low, raw[place]), Math.max(high, raw[place])];
    const margin = MARGIN * (high - low || 1);
    return [low - margin, high + margin];
  }

  // The grid of inputs over the range of the examples; row 0 is the top. Made once for a course.
  function gridOf(course) {
    const { data } = course, { width, scaling } = data;
    const ranges = Array.from({ length: width }, (_, k) => rangeOf(data.train.raw, width, k));
    const rows = width === 2 ? CELLS : 1, N = rows * CELLS, X = new Float64Array(N * width);
    for (let place = 0; place < N; place += 1) {
      const shares = [(place % CELLS + 0.5) / CELLS, 1 - (Math.floor(place / CELLS) + 0.5) / CELLS];
      for (let k = 0; k < width; k += 1) {
        X[place * width + k] = ranges[k][0] + shares[k] * (ranges[k][1] - ranges[k][0]);
      }
    }
    return { X: jaxmlp.scaled(scaling, X), N, ranges, rows };
  }

  // Computes all units on the grid, for `draw` and `unitPicture`; null with other than one or two inputs.
  function survey(course) {
    if (course.data.width > 2) return null;
    course.grid = course.grid || gridOf(course);
    const { net, state, data, grid } = course;
    const { layers, outputs } = jaxmlp.forward(net, jaxmlp.judged(state), grid.X, grid.N);
    return { grid, layers, outputs, answers: jaxmlp.probabilities(data.task, outputs, grid.N, net.outputs) };
  }

  // A unit's activation over the plane of inputs; layer -1 are the inputs themselves.
  function unitPicture(course, found, layer, unit) {
    const { grid, layers } = found, { width } = course.data;
    const values = layer < 0 ? grid.X : layers[layer].a, count = layer < 0 ? width : course.net.layers[layer].outputs;
    const half = layer >= 0 && HALF.includes(course.net.layers[layer].activation);
    let most = 1e-9;
    for (let place = unit; place < values.length; place += count) most = Math.max(most, Math.abs(values[place]));
    return picture(`unit ${layer} ${unit}`, SMALL, SMALL, (place) => {
      const row = grid.rows === 1 ? 0 : 2 * Math.floor(place / SMALL), column = 2 * (place % SMALL);
      const value = values[(row * CELLS + column) * count + unit];
      return diverging(half ? 2 * value - 1 : value / most);
    });
  }

  function colourOf(data, answers, place) {
    const { classes, mid } = theme();
    if (data.task === "regression") return diverging(answers[place * data.outputs] / 2);
    const K = data.task === "binary" ? 2 : data.outputs;
    const rgb = [0, 0, 0];
    let strength = 0;
    for (let k = 0; k < K; k += 1) {
      const p = answers[place * K + k];
      strength = Math.max(strength, p);
      for (let c = 0; c < 3; c += 1) rgb[c] += p * classes[k % classes.length][c];
    }
    return mix(mid, rgb, 0.65 * Math.max(0, (strength - 1 / K) / (1 - 1 / K)));
  }

  // Places of the line where `values` (CELLS, CELLS) are 0, by linear interpolation (marching squares).
  function contour(context, values, size) {
    const toX = (column) => (column + 0.5) / CELLS * size.width, toY = (row) => (row + 0.5) / CELLS * size.height;
    context.beginPath();
    for (let row = 0; row < CELLS - 1; row += 1) {
      for (let column = 0; column < CELLS - 1; column += 1) {
        const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
        const found = [];
        corners.forEach(([r, c], k) => {
          const [r2, c2] = corners[(k + 1) % 4], [v, v2] = [values[r * CELLS + c], values[r2 * CELLS + c2]];
          if (v > 0 === v2 > 0) return;
          const share = v / (v - v2);
          found.push([toX(c + share * (c2 - c)), toY(r + share * (r2 - r))]);
        });
        for (let k = 0; k + 1 < found.length; k += 2) {
          context.moveTo(...found[k]);
          context.lineTo(...found[k + 1]);
        }
      }
    }
    context.strokeStyle = theme().ink;
    context.lineWidth = 1.5;
    context.stroke();
  }

  function borders(context, course, { grid, answers, outputs }, size) {
    const K = course.net.outputs, at = (values) => Float64Array.from({ length: grid.N }, values);
    if (K === 1) return contour(context, at((_, n) => outputs[n]), size);
    for (let k = 0; k < K; k += 1) { // where class k has as much as the best other one
      contour(context, at((_, n) => {
        let other = -1;
        for (let m = 0; m < K; m += 1) if (m !== k) other = Math.max(other, answers[n * K + m]);
        return answers[n * K + k] - other;
      }), size);
    }
    return undefined;
  }

  function points(context, course, size) {
    const { data, grid } = course, { classes, ink, panel } = theme();
    const toX = (value) => (value - grid.ranges[0][0]) / (grid.ranges[0][1] - grid.ranges[0][0]) * size.width;
    const toY = (value) => size.height * (1 - (value - grid.ranges[1][0]) / (grid.ranges[1][1] - grid.ranges[1][0]));
    const N = Math.min(MOST_POINTS, data.train.N), r = data.train.N > 100 ? 3.6 : data.train.N > 10 ? 5.5 : 8;
    for (let n = 0; n < N; n += 1) {
      const first = data.train.y[n * data.train.y.length / data.train.N]; // of several labels or values
      const kind = data.task === "regression" ? 0 : first, colour = data.task === "regression" ? diverging(first / 2) : classes[kind % classes.length];
      context.beginPath();
      mark(context, kind, toX(data.train.raw[2 * n]), toY(data.train.raw[2 * n + 1]), r);
      context.lineWidth = 1;
      context.strokeStyle = kind >= 4 ? css(colour) : panel;
      context.fillStyle = css(colour);
      context.fill();
      context.stroke();
      context.lineWidth = 0.6;
      context.strokeStyle = kind >= 4 ? css(colour) : ink;
      context.stroke();
    }
  }

  function drawRegions(canvas, course, found, unit) {
    const size = prepare(canvas, Math.min(440, canvas.clientWidth));
    if (!size) return;
    const { context, width, height } = size;
    const image = unit ? unitPicture(course, found, unit.layer, unit.to)
      : picture("regions", CELLS, CELLS, (place) => colourOf(course.data, found.answers, place));
    context.imageSmoothingEnabled = true;
    context.drawImage(image, 0, 0, width, height);
    if (!unit && course.data.task !== "regression") borders(context, course, found, { width, height });
    points(context, course, { width, height });
  }

  // One input is drawn as a curve: of values, or of the probability of the second of two classes.
  const hasCurve = ({ width, task }) => width === 1 && ["regression", "binary"].includes(task);

  function drawCurve(canvas, course, { grid, outputs, answers }) {
    const size = prepare(canvas, 300);
    if (!size) return;
    const { context, width, height } = size, { data } = course, { classes, ink } = theme();
    const y = data.train.y, low = y.reduce((a, b) => Math.min(a, b)) - 0.4, high = y.reduce((a, b) => Math.max(a, b)) + 0.4;
    const toX = (x) => (x - grid.ranges[0][0]) / (grid.ranges[0][1] - grid.ranges[0][0]) * width;
    const toY = (y) => height * (1 - (y - low) / (high - low));
    for (let n = 0; n < Math.min(MOST_POINTS, data.train.N); n += 1) {
      context.beginPath();
      mark(context, 0, toX(data.train.raw[n]), toY(y[n * y.length / data.train.N]), 3);
      context.fillStyle = css(classes[1]);
      context.fill();
    }
    context.strokeStyle = ink;
    context.lineWidth = 3;
    const binary = course.data.task === "binary", K = course.net.outputs;
    for (let k = 0; k < K; k += 1) { // one line, or one for each quantile
      context.beginPath();
      for (let n = 0; n < CELLS; n += 1) context.lineTo((n + 0.5) / CELLS * width, toY(binary ? answers[2 * n + 1] : outputs[n * K + k]));
      context.stroke();
    }
  }

  // The test examples by class (rows) and by the network's answer (columns).
  function confusion(course) {
    const { net, state, data } = course, N = page.run.measuredOf(course, data.test), K = Math.max(2, net.outputs);
    const outputs = jaxmlp.predict(net, jaxmlp.judged(state), data.test.X.subarray(0, N * data.width), N);
    const counts = Array.from({ length: K }, () => new Array(K).fill(0));
    jaxmlp.classesOf(outputs, N, net.outputs).forEach((answer, n) => { counts[data.test.y[n]][answer] += 1; });
    return counts;
  }

  function drawConfusion(canvas, course) {
    const counts = confusion(course), K = counts.length, left = 92, top = 40;
    const size = prepare(canvas, top + K * Math.max(24, Math.min(40, 280 / K)));
    if (!size) return;
    const { context, width, height } = size, w = Math.min(70, (width - left) / K), h = (height - top) / K;
    const name = (k) => String((course.dataset.classes || [])[k] ?? k).slice(0, 10);
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    label(context, "the network's answer", left, 9, "left", theme().faint);
    counts.forEach((row, k) => {
      const most = Math.max(1, row.reduce((a, b) => a + b, 0));
      label(context, name(k), left - 8, top + (k + 0.5) * h, "right");
      label(context, name(k).slice(0, Math.max(1, Math.floor(w / 8))), left + (k + 0.5) * w, 28, "center");
      row.forEach((count, m) => {
        context.fillStyle = css(diverging((m === k ? -1 : 1) * count / most));
        context.fillRect(left + m * w, top + k * h, w - 2, h - 2);
        context.strokeStyle = theme().edge;
        context.strokeRect(left + m * w, top + k * h, w - 2, h - 2);
        if (count > 0) label(context, String(count), left + (m + 0.5) * w, top + (k + 0.5) * h, "center");
      });
    });
  }

  // Draws what suits the data; `unit` shows one unit instead of the answer.
  function draw(canvas, course, found, unit) {
    if (course.data.width === 2) drawRegions(canvas, course, found, unit);
    else if (hasCurve(course.data)) drawCurve(canvas, course, found);
    else if (["binary", "multiclass"].includes(course.data.task)) drawConfusion(canvas, course);
    else prepare(canvas, 1);
  }

  return { hasCurve, survey, unitPicture, draw };
})();
