// A setting: everything that a reader chooses. It is a plain object of texts, numbers and lists. The
// address of the page holds it, so a link restores it, and the same setting gives the same course.
"use strict";

const page = {}; // the files page_*.js fill it

page.setting = (() => {
  const MOST_LAYERS = 12, MOST_UNITS = 256;
  const FEW = { low: 0, high: 1000000 };

  // Each field: its usual value and how it is read from a text. `low` and `high` are included.
  const FIELDS = {
    lesson: { usual: "", kind: "text" },
    data: { usual: "moons", kind: "text" },
    noise: { usual: null, kind: "number", low: 0, high: 2, optional: true }, // null: that of the data set
    train: { usual: 0, kind: "whole", ...FEW }, // 0: all of them
    prep: { usual: "usual", kind: "text" },
    hidden: { usual: [16, 16], kind: "widths" },
    act: { usual: ["relu"], kind: "texts" },
    init: { usual: "he_normal", kind: "text" },
    scale: { usual: 0.01, kind: "number", low: 1e-6, high: 100 },
    loss: { usual: "", kind: "text" }, // "": the usual one of the task
    opt: { usual: "sgd", kind: "text" },
    rate: { usual: 0.2, kind: "number", low: 1e-7, high: 1e5 },
    mu: { usual: 0.9, kind: "number", low: 0, high: 0.9999 },
    sched: { usual: "constant", kind: "text" },
    batch: { usual: 32, kind: "whole", low: 1, high: 100000 },
    drop: { usual: 0, kind: "number", low: 0, high: 0.95 },
    decay: { usual: 0, kind: "number", low: 0, high: 10 },
    epochs: { usual: 100, kind: "whole", low: 1, high: 100000 },
    seed: { usual: 0, kind: "whole", low: 0, high: 4294967295 },
    step: { usual: 0, kind: "whole", low: 0, high: 100000 }, // steps that are taken at once
  };

  const number = (text) => (text.trim() === "" ? NaN : Number(text));

  function readNumber(name, field, text) {
    if (field.optional && text.trim() === "") return null;
    const value = number(text);
    const whole = field.kind === "whole" && !Number.isInteger(value);
    if (whole || !(value >= field.low && value <= field.high))
      throw new RangeError(`${name} must be a ${field.kind === "whole" ? "whole " : ""}number from ${field.low} to ${field.high}, got ${text || "nothing"}`);
    return value;
  }

  function readWidths(name, text) {
    const parts = text.split(/[\s,]+/).filter((part) => part !== "");
    const widths = parts.map(number);
    const good = widths.every((width) => Number.isInteger(width) && width >= 1 && width <= MOST_UNITS);
    if (!good || widths.length > MOST_LAYERS)
      throw new RangeError(`${name} must be at most ${MOST_LAYERS} whole numbers from 1 to ${MOST_UNITS}, got ${text}`);
    return widths;
  }

  const READERS = {
    text: (name, field, text) => text,
    texts: (name, field, text) => text.split(",").filter((part) => part !== ""),
    widths: (name, field, text) => readWidths(name, text),
    number: readNumber,
    whole: readNumber,
  };

  function read(name, text) {
    if (!(name in FIELDS)) throw new RangeError(`a setting has no ${name}`);
    return READERS[FIELDS[name].kind](name, FIELDS[name], text);
  }

  function usual() {
    return complete({});
  }

  function complete(given) {
    const setting = {};
    for (const [name, field] of Object.entries(FIELDS)) {
      const value = name in given ? given[name] : field.usual;
      setting[name] = Array.isArray(value) ? [...value] : value;
    }
    return setting;
  }

  const isUsual = (name, value) => String(value) === String(FIELDS[name].usual);

  // All fields stand in the text but those that say nothing: a link means the same for ever.
  function toHash(setting) {
    const silent = ["lesson", "noise", "train", "loss", "step"];
    return Object.keys(FIELDS)
      .filter((name) => !(silent.includes(name) && isUsual(name, setting[name])))
      .map((name) => `${name}=${encodeURIComponent(setting[name]).replace(/%2C/g, ",")}`)
      .join("&");
  }

  // Returns the setting and one sentence for each part that could not be used.
  function fromHash(hash) {
    const given = {}, problems = [];
    for (const part of hash.replace(/^#/, "").split("&").filter((text) => text !== "")) {
      const [name, ...rest] = part.split("=");
      try {
        given[name] = read(name, decodeURIComponent(rest.join("=")));
      } catch (error) {
        problems.push(error instanceof URIError ? `${name} is no text of an address` : error.message);
      }
    }
    return { setting: complete(given), problems };
  }

  return { FIELDS, read, usual, complete, toHash, fromHash };
})();
