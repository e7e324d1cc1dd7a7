// The curves of loss and score over the steps.
"use strict";

page.curves = (() => {
  const { theme, prepare, label } = page.draw;
  const LEFT = 46, RIGHT = 10, TOP = 18, BOTTOM = 22;

  // The range of a plot's numbers; logarithmic where they span more than three powers of ten.
  function rangeOf(values, fixed) {
    const finite = values.filter(Number.isFinite);
    if (fixed) return { low: fixed[0], high: fixed[1], log: false };
    const high = finite.reduce((a, b) => Math.max(a, b), 0);
    const low = finite.reduce((a, b) => (b > 0 ? Math.min(a, b) : a), Infinity);
    const first = finite.find((value) => value > 0) || 1;
    const log = high > 30 * first || (low < Infinity && high / low > 1000);
    return log ? { low: Math.max(low, 1e-12), high: Math.max(high, 10 * low), log } : { low: 0, high: high || 1, log };
  }

  function placeOf(value, range, box) {
    const share = range.log
      ? Math.log(Math.max(value, range.low) / range.low) / Math.log(range.high / range.low)
      : (value - range.low) / (range.high - range.low);
    return box.top + box.height * (1 - Math.min(1.02, Math.max(-0.02, share)));
  }

  function ticksOf(range) {
    if (range.log) {
      const from = Math.ceil(Math.log10(range.low)), to = Math.floor(Math.log10(range.high));
      const gap = Math.max(1, Math.ceil((to - from) / 4));
      return Array.from({ length: Math.max(0, to - from + 1) }, (_, k) => 10 ** (from + k)).filter((_, k) => k % gap === 0);
    }
    const raw = (range.high - range.low) / 4, power = 10 ** Math.floor(Math.log10(raw));
    const gap = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw);
    const first = Math.ceil(range.low / gap) * gap;
    return Array.from({ length: 12 }, (_, k) => first + k * gap).filter((tick) => tick <= range.high + 1e-9 * gap);
  }

  function axes(context, box, range, steps, title) {
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.strokeStyle = theme().edge;
    context.lineWidth = 1;
    for (const tick of ticksOf(range)) {
      const y = placeOf(tick, range, box);
      context.beginPath();
      context.moveTo(box.left, y);
      context.lineTo(box.left + box.width, y);
      context.stroke();
      context.textAlign = "right";
      context.fillStyle = theme().faint;
      context.fillText(tick >= 1e5 || (tick > 0 && tick < 1e-3) ? tick.toExponential(0).replace("e+", "e") : String(Number(tick.toPrecision(3))), box.left - 5, y);
    }
    context.textAlign = "left";
    context.fillStyle = theme().ink;
    context.font = "bold 12px system-ui, sans-serif";
    context.fillText(range.log ? `${title} (logarithmic)` : title, box.left, box.top - 10);
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = theme().faint;
    context.fillText("0", box.left, box.top + box.height + 11);
    context.textAlign = "right";
    context.fillText(`step ${steps}`, box.left + box.width, box.top + box.height + 11);
  }

  function line(context, box, range, points, steps, name, colour, dashes) {
    context.beginPath();
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.setLineDash(dashes);
    let drawing = false, last = null;
    for (const point of points) {
      const value = point[name];
      if (!Number.isFinite(value)) { drawing = false; continue; }
      const x = box.left + box.width * point.step / steps, y = placeOf(value, range, box);
      if (drawing) context.lineTo(x, y);
      else context.moveTo(x, y);
      [drawing, last] = [true, [x, y]];
    }
    context.stroke();
    context.setLineDash([]);
    if (last) {
      context.beginPath();
      context.arc(...last, 3, 0, 2 * Math.PI);
      context.fillStyle = colour;
      context.fill();
    }
  }

  function plot(context, box, points, spec) {
    const steps = Math.max(1, points.length ? points[points.length - 1].step : 1);
    const values = points.flatMap((point) => [point[spec.train], point[spec.test]]);
    const range = rangeOf(values, spec.fixed);
    axes(context, box, range, steps, spec.title);
    line(context, box, range, points, steps, spec.test, theme().plusText, [6, 4]);
    line(context, box, range, points, steps, spec.train, theme().minusText, []);
    const broken = points.find((point) => !Number.isFinite(point[spec.train]));
    if (broken) label(context, `no finite number from step ${broken.step} on`, box.left + 8, box.top + 14, "left", theme().bad);
  }

  function legend(context, width) {
    context.font = "11px system-ui, sans-serif";
    [["train", theme().minusText, []], ["test", theme().plusText, [6, 4]]].forEach(([name, colour, dashes], k) => {
      const x = width - 120 + 62 * k;
      context.beginPath();
      context.setLineDash(dashes);
      context.strokeStyle = colour;
      context.lineWidth = 2;
      context.moveTo(x, 8);
      context.lineTo(x + 22, 8);
      context.stroke();
      context.setLineDash([]);
      label(context, name, x + 27, 8);
    });
  }

  // `points` are `{step, loss, lossTest, score, scoreTest}`; `score` is its name.
  function draw(canvas, points, score) {
    const height = 300, ready = prepare(canvas, height);
    if (!ready) return;
    const { context, width } = ready;
    const box = (top, tall) => ({ left: LEFT, top, width: width - LEFT - RIGHT, height: tall });
    const tall = (height - 2 * (TOP + BOTTOM)) / 2;
    plot(context, box(TOP, tall), points, { train: "loss", test: "lossTest", title: "Loss" });
    const fixed = score === "accuracy" ? [0, 1.0] : null;
    plot(context, box(2 * TOP + BOTTOM + tall, tall), points,
      { train: "score", test: "scoreTest", title: score === "accuracy" ? "Accuracy" : "R² (1 is best)", fixed: fixed || [Math.min(0, -1), 1] });
    legend(context, width);
  }

  return { draw };
})();
