// The first layer's weights as pictures, one for each hidden unit.
"use strict";

page.weights = (() => {
  const { theme, diverging, prepare, picture } = page.draw;
  const MOST_SHOWN = 64;

  // The weights of a unit as a picture: orange raises z, blue lowers it.
  function pictureOf(course, unit) {
    const [rows, columns] = course.dataset.picture, { W } = course.state.params[0], { outputs } = course.net.layers[0];
    let most = 1e-9;
    for (let place = unit; place < W.length; place += outputs) most = Math.max(most, Math.abs(W[place]));
    return picture(`weights ${unit}`, columns, rows, (place) => diverging(W[place * outputs + unit] / most));
  }

  function draw(canvas, course) {
    const count = Math.min(MOST_SHOWN, course.net.layers[0].outputs), wide = canvas.clientWidth;
    const side = Math.max(28, Math.min(56, Math.floor(wide / Math.ceil(Math.sqrt(2 * count))) - 4)), across = Math.max(1, Math.floor(wide / (side + 4)));
    const ready = prepare(canvas, Math.ceil(count / across) * (side + 4));
    if (!ready) return;
    const { context } = ready;
    context.imageSmoothingEnabled = false;
    context.strokeStyle = theme().edge;
    for (let unit = 0; unit < count; unit += 1) {
      const at = [(unit % across) * (side + 4) + 1, Math.floor(unit / across) * (side + 4) + 1, side, side];
      context.drawImage(pictureOf(course, unit), ...at);
      context.strokeRect(...at);
    }
  }

  return { pictureOf, draw };
})();
