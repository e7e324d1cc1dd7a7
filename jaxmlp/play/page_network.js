// The network as a graph: a line for each weight, a small picture in each unit of two inputs.
"use strict";

page.network = (() => {
  const { theme, css, prepare, label } = page.draw;
  const MOST_SHOWN = 16; // units of a layer
  const MOST_DASHED = 700; // lines, beyond which a dash says too little
  const HEIGHT = 440;

  const shownOf = (count) => Math.min(count, MOST_SHOWN);

  // The place of each unit that is shown: `columns[c][k] = {x, y}`; column 0 are the inputs.
  function layout(net, width) {
    const left = net.inputs <= 4 && width > 360 ? 62 : 34;
    const counts = [net.inputs, ...net.layers.map(({ outputs }) => outputs)];
    const side = Math.max(9, Math.min(30, (HEIGHT - 60) / Math.max(...counts.map(shownOf)) - 3, (width - 30) / counts.length - 14));
    const columns = counts.map((count, c) => Array.from({ length: shownOf(count) }, (_, k) => ({
      x: left + side / 2 + c * (width - left - 60 - side) / Math.max(1, counts.length - 1),
      y: 26 + (HEIGHT - 48) * (k + 0.5) / shownOf(count),
    })));
    return { columns, side, counts };
  }

  function largest(params) {
    return params.map(({ W }) => W.reduce((most, w) => Math.max(most, Math.abs(w)), 1e-9));
  }

  function lines(context, course, place, selected) {
    const { params } = course.state, most = largest(params), count = place.columns.slice(1).reduce((n, column, l) => n + column.length * place.columns[l].length, 0);
    course.net.layers.forEach(({ outputs }, l) => {
      place.columns[l].forEach((from, i) => place.columns[l + 1].forEach((to, j) => {
        const share = params[l].W[i * outputs + j] / most[l];
        if (!(Math.abs(share) > 0.02)) return;
        stroke(context, place, from, to, share, count < MOST_DASHED && share < 0);
      }));
    });
    context.setLineDash([]);
    context.globalAlpha = 1;
    if (selected.kind === "weight") chosenLine(context, place, selected);
  }

  function stroke(context, place, from, to, share, dashed) {
    context.setLineDash(dashed ? [5, 3] : []);
    context.globalAlpha = 0.25 + 0.75 * Math.abs(share);
    context.strokeStyle = css(share < 0 ? theme().minus : theme().plus);
    context.lineWidth = 0.5 + 3.5 * Math.abs(share);
    context.beginPath();
    context.moveTo(from.x + place.side / 2, from.y);
    context.lineTo(to.x - place.side / 2, to.y);
    context.stroke();
  }

  function chosenLine(context, { columns, side }, { layer, from, to }) {
    const start = columns[layer][from], end = columns[layer + 1][to];
    if (!start || !end) return; // a bias, or a unit that is not shown
    context.lineWidth = 5;
    context.strokeStyle = theme().ink;
    context.beginPath();
    context.moveTo(start.x + side / 2, start.y);
    context.lineTo(end.x - side / 2, end.y);
    context.stroke();
  }

  // `pictures(c, k)` is a canvas for a unit, or null; `dead[c]` says which units of a layer are dead.
  function units(context, course, place, { pictures, dead, selected }) {
    const { columns, side } = place;
    columns.forEach((column, c) => column.forEach(({ x, y }, k) => {
      const found = pictures(c, k), at = [x - side / 2, y - side / 2, side, side];
      context.fillStyle = theme().panel;
      context.fillRect(...at);
      if (found) context.drawImage(found, ...at);
      const chosen = selected.kind === "unit" && selected.layer === c - 1 && selected.to === k;
      context.strokeStyle = chosen ? theme().accent : theme().ink;
      context.lineWidth = chosen ? 4 : 1;
      context.strokeRect(...at);
      if (c > 0 && dead[c - 1] && dead[c - 1][k]) cross(context, at);
    }));
  }

  function cross(context, [x, y, w, h]) {
    context.strokeStyle = theme().bad;
    context.lineWidth = 2;
    context.beginPath();
    for (const [from, to] of [[0, 1], [1, 0]]) {
      context.moveTo(x, y + from * h);
      context.lineTo(x + w, y + to * h);
    }
    context.stroke();
  }

  function texts(context, course, place, names) {
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    const { columns, side, counts } = place, last = columns.length - 1;
    columns.forEach((column, c) => {
      const more = counts[c] - column.length;
      const title = c === 0 ? "inputs" : c === last ? "outputs" : short_name(course.net.layers[c - 1].activation, last, side);
      label(context, title, column[0].x, 9, "center", theme().faint);
      if (more > 0) label(context, last > 5 ? `+${more}` : `and ${more} more`, column[0].x, HEIGHT - 7, "center", theme().faint);
    });
    if (columns[0].length <= 4) columns[0].forEach(({ x, y }, k) => label(context, names.inputs[k], x - side / 2 - 5, y, "right"));
    if (columns[last].length <= 12) columns[last].forEach(({ x, y }, k) => label(context, names.outputs[k], x + side / 2 + 5, y));
  }

  const short_name = (name, last, side) => (last > 6 && side < 30 ? name.slice(0, 4) : name);

  function cut(text, most) {
    return text.length > most ? `${text.slice(0, most - 1)}…` : text;
  }

  function namesOf(course) {
    const { dataset, net } = course;
    const inputs = Array.from({ length: net.inputs }, (_, k) => cut((dataset.columns || [])[k] || `x${k + 1}`, 8));
    const classes = course.data.outputs > 1 ? dataset.classes || [] : [];
    const outputs = Array.from({ length: net.outputs }, (_, k) => cut(classes[k] || "z", 8));
    return { inputs, outputs };
  }

  function draw(canvas, course, shown) {
    const ready = prepare(canvas, HEIGHT);
    if (!ready) return;
    const place = layout(course.net, ready.width);
    lines(ready.context, course, place, shown.selected);
    units(ready.context, course, place, shown);
    texts(ready.context, course, place, namesOf(course));
  }

  const distance = (p, a, b) => {
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const share = Math.min(1, Math.max(0, ((p.x - a.x) * dx + (p.y - a.y) * dy) / (dx * dx + dy * dy)));
    return Math.hypot(p.x - a.x - share * dx, p.y - a.y - share * dy);
  };

  // What lies at a point of the canvas: a unit, a weight, or null.
  function at(canvas, course, point) {
    const { columns, side } = layout(course.net, canvas.clientWidth);
    for (let c = 1; c < columns.length; c += 1) {
      const k = columns[c].findIndex(({ x, y }) => Math.max(Math.abs(x - point.x), Math.abs(y - point.y)) <= side / 2 + 2);
      if (k >= 0) return { kind: "unit", layer: c - 1, from: 0, to: k };
    }
    let best = null, near = 8;
    course.net.layers.forEach((_, l) => columns[l].forEach((from, i) => columns[l + 1].forEach((to, j) => {
      const away = distance(point, { x: from.x + side / 2, y: from.y }, { x: to.x - side / 2, y: to.y });
      if (away < near) [near, best] = [away, { kind: "weight", layer: l, from: i, to: j }];
    })));
    return best;
  }

  return { draw, at, shownOf };
})();
