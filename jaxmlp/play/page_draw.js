// What all drawings share: sizes, the theme's colours, marks and axes.
"use strict";

page.draw = (() => {
  // Colours that people with any colour vision tell apart (Okabe and Ito); each class has a shape too.
  const CLASS_COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999", "#882255", "#44aa99"];
  const SHAPES = ["circle", "triangle", "square", "diamond", "cross", "plus"];
  let colours = null;

  function rgbOf(text) {
    const hex = text.trim().replace("#", "");
    const long = hex.length === 3 ? [...hex].map((letter) => letter + letter).join("") : hex;
    return [0, 2, 4].map((at) => parseInt(long.slice(at, at + 2), 16));
  }

  function theme() {
    if (colours === null) {
      const style = getComputedStyle(document.documentElement);
      const get = (name) => style.getPropertyValue(`--${name}`).trim();
      colours = { panel: get("panel"), ink: get("ink"), faint: get("faint"), edge: get("edge"), accent: get("accent"),
        bad: get("bad"), minusText: get("minus"), plusText: get("plus"),
        minus: rgbOf(get("minus")), plus: rgbOf(get("plus")), mid: rgbOf(get("mid")),
        classes: CLASS_COLOURS.map(rgbOf) };
      const { minus, plus, mid } = colours;
      colours.scale = Array.from({ length: 256 }, (_, k) => mix(mid, k < 128 ? minus : plus, Math.abs(k - 128) / 127));
    }
    return colours;
  }

  const forgetTheme = () => { colours = null; };

  const mix = (a, b, share) => a.map((value, k) => value + (b[k] - value) * share);
  const css = (rgb) => `rgb(${rgb.map(Math.round).join(",")})`;

  // From blue (-1) over the background (0) to orange (1).
  function diverging(value) {
    const { scale } = theme();
    return scale[Number.isNaN(value) ? 128 : Math.round(128 + 127 * Math.min(1, Math.max(-1, value)))];
  }

  // Makes the canvas as sharp as the screen; returns its context, in CSS pixels, cleared.
  function prepare(canvas, height) {
    const width = canvas.clientWidth, ratio = Math.min(2, window.devicePixelRatio || 1);
    if (width === 0) return null; // it is not shown
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w;
      canvas.height = h;
      canvas.style.height = `${height}px`;
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
  }

  // A picture of `columns` x `rows` pixels; `colour(place)` returns red, green, blue.
  const kept = new Map();
  function picture(key, columns, rows, colour) {
    let found = kept.get(key);
    if (!found || found.canvas.width !== columns || found.canvas.height !== rows) {
      const canvas = document.createElement("canvas");
      canvas.width = columns;
      canvas.height = rows;
      const context = canvas.getContext("2d");
      found = { canvas, context, image: context.createImageData(columns, rows) };
      kept.set(key, found);
    }
    const { data } = found.image;
    for (let place = 0; place < columns * rows; place++) {
      const rgb = colour(place);
      data[4 * place] = rgb[0];
      data[4 * place + 1] = rgb[1];
      data[4 * place + 2] = rgb[2];
      data[4 * place + 3] = 255;
    }
    found.context.putImageData(found.image, 0, 0);
    return found.canvas;
  }

  const PATHS = {
    circle(c, x, y, r) { c.arc(x, y, r, 0, 2 * Math.PI); },
    triangle(c, x, y, r) { c.moveTo(x, y - 1.2 * r); c.lineTo(x + 1.1 * r, y + 0.8 * r); c.lineTo(x - 1.1 * r, y + 0.8 * r); c.closePath(); },
    square(c, x, y, r) { c.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r); },
    diamond(c, x, y, r) { c.moveTo(x, y - 1.3 * r); c.lineTo(x + 1.1 * r, y); c.lineTo(x, y + 1.3 * r); c.lineTo(x - 1.1 * r, y); c.closePath(); },
    cross(c, x, y, r) { c.moveTo(x - r, y - r); c.lineTo(x + r, y + r); c.moveTo(x + r, y - r); c.lineTo(x - r, y + r); },
    plus(c, x, y, r) { c.moveTo(x - r, y); c.lineTo(x + r, y); c.moveTo(x, y - r); c.lineTo(x, y + r); },
  };

  function mark(context, kind, x, y, r) {
    PATHS[SHAPES[kind % SHAPES.length]](context, x, y, r);
  }

  function short(value) {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "infinite" : "−infinite";
    const size = Math.abs(value);
    if (size === 0) return "0";
    const text = size >= 1e5 || size < 1e-3 ? value.toExponential(1) : value.toPrecision(3);
    return text.replaceAll("-", "−").replace("e+", "e");
  }

  // Text with a halo of the background, so that it can be read on lines.
  function label(context, text, x, y, align = "left", colour = theme().ink) {
    context.textAlign = align;
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.strokeStyle = theme().panel;
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }

  return { theme, forgetTheme, diverging, mix, css, prepare, picture, mark, short, label };
})();
