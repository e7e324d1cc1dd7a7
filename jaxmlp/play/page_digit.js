// A drawing made as the digits of MNIST were made: scaled into a box of 20 x 20 pixels, with its
// aspect kept, and put into 28 x 28 pixels with its centre of mass in the middle (LeCun et al. 1998).
"use strict";

page.digit = (() => {
  const MNIST = { shape: [28, 28], box: 20, centre: [14, 14] };
  const LOBES = 3;
  const INK = 0.1; // of the full ink: what is lighter lies outside the box of the strokes

  function sinc(x) {
    return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
  }

  function lanczos(x) {
    return Math.abs(x) < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
  }

  // For each new place along a side: the first old place that counts, and the weights from there on.
  function resizeWeights(size, newSize) {
    const scale = size / newSize, stretch = Math.max(1, scale), reach = LOBES * stretch;
    return Array.from({ length: newSize }, (_, place) => {
      const centre = (place + 0.5) * scale;
      const first = Math.max(0, Math.trunc(centre - reach + 0.5));
      const last = Math.min(size, Math.trunc(centre + reach + 0.5));
      const weights = [];
      for (let k = first; k < last; k++) weights.push(lanczos((k - centre + 0.5) / stretch));
      const total = weights.reduce((a, b) => a + b, 0);
      return { first, weights: weights.map((weight) => weight / total) };
    });
  }

  const toByte = (value) => Math.min(255, Math.max(0, Math.round(value)));

  // Resizes rows of `width` numbers along the row.
  function resizeRows(pixels, height, width, newWidth) {
    const places = resizeWeights(width, newWidth);
    const out = new Float64Array(height * newWidth);
    for (let row = 0; row < height; row++) {
      places.forEach(({ first, weights }, place) => {
        let sum = 0;
        weights.forEach((weight, k) => { sum += weight * pixels[row * width + first + k]; });
        out[row * newWidth + place] = toByte(sum);
      });
    }
    return out;
  }

  function transposed(pixels, height, width) {
    const out = new Float64Array(height * width);
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) out[column * height + row] = pixels[row * width + column];
    return out;
  }

  function resize(pixels, height, width, newHeight, newWidth) {
    const rows = resizeRows(pixels, height, width, newWidth);
    const columns = resizeRows(transposed(rows, height, newWidth), newWidth, height, newHeight);
    return transposed(columns, newWidth, newHeight);
  }

  // The first and the last row and column with ink, or null for an empty page.
  function boxOf(pixels, height, width, full) {
    let top = height, bottom = -1, left = width, right = -1;
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        if (pixels[row * width + column] <= INK * full) continue;
        top = Math.min(top, row);
        bottom = Math.max(bottom, row);
        left = Math.min(left, column);
        right = Math.max(right, column);
      }
    }
    return bottom < 0 ? null : { top, left, height: bottom - top + 1, width: right - left + 1 };
  }

  function cut(pixels, width, box, factor) {
    const out = new Float64Array(box.height * box.width);
    for (let row = 0; row < box.height; row++)
      for (let column = 0; column < box.width; column++)
        out[row * box.width + column] = factor * pixels[(box.top + row) * width + box.left + column];
    return out;
  }

  // The centre of mass along the rows and along the columns.
  function centreOf(pixels, height, width) {
    let mass = 0, row = 0, column = 0;
    pixels.forEach((ink, place) => {
      mass += ink;
      row += ink * Math.floor(place / width);
      column += ink * (place % width);
    });
    return [row / Math.max(1, mass), column / Math.max(1, mass)];
  }

  const within = (value, low, high) => Math.min(Math.max(value, low), high);

  // Returns the drawing `(h, w)` as bytes 0 to 255, ink on 0, in a picture of the form's shape; null
  // if there is no ink. `pixels` may have any scale: its largest number is full ink.
  function centred(pixels, height, width, form = MNIST) {
    const full = pixels.reduce((a, b) => Math.max(a, b), 0);
    const box = full > 0 ? boxOf(pixels, height, width, full) : null;
    if (box === null) return null;
    const scale = form.box / Math.max(box.height, box.width);
    const [h, w] = [box.height, box.width].map((side) => Math.max(1, Math.round(scale * side)));
    const small = resize(cut(pixels, width, box, 255 / full), box.height, box.width, h, w);
    const centre = centreOf(small, h, w);
    const [top, left] = [h, w].map((side, axis) =>
      within(Math.round(form.centre[axis] - centre[axis]), 0, form.shape[axis] - side));
    const out = new Float64Array(form.shape[0] * form.shape[1]);
    for (let row = 0; row < h; row++)
      for (let column = 0; column < w; column++)
        out[(top + row) * form.shape[1] + left + column] = small[row * w + column];
    return out;
  }

  return { MNIST, centred };
})();
