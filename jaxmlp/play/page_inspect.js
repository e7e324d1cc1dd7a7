// The table that takes a number apart: a weight's gradient as products, a unit's sum and its delta.
"use strict";

page.inspect = (() => {
  const { short } = page.draw;
  const MOST_ROWS = 64;

  // HTML is made of elements alone: text is never read as markup.
  function element(name, content = [], attributes = {}) {
    const made = document.createElement(name);
    for (const part of [content].flat()) made.append(part);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  const numberOf = (value) => (Number.isFinite(value) ? value.toPrecision(5).replace("-", "−") : short(value));
  const digits = (value) => {
    if (value === 0) return "0";
    return Math.abs(value) >= 1e-3 ? numberOf(value) : value.toExponential(2).replaceAll("-", "−");
  };

  function table(heads, rows, last = []) {
    const made = element("table");
    made.append(element("thead", element("tr", heads.map((head, k) => element("th", head, { scope: "col", class: k ? "number" : "" })))));
    const cells = (row) => row.map((cell, k) => element("td", typeof cell === "number" ? digits(cell) : cell, { class: k ? "number" : "" }));
    made.append(element("tbody", [...rows.map((row) => element("tr", cells(row))), ...last.map((row) => element("tr", cells(row), { class: "sum" }))]));
    return made;
  }

  const formula = (...parts) => element("p", parts, { class: "formula" });
  const inner = (text) => element("sub", String(text));

  // A symbol as the lectures write it: W with the layer above and its places below.
  const symbol = (letter, layer, place) => element("span", layer === null ? [letter, inner(place)] : [letter, element("sup", `(${layer})`), inner(place)]);

  function stepText(course, terms) {
    const { opt, decay } = course.setting, { formula: rule, row } = jaxmlp.OPTIMIZERS[opt];
    if (!terms.finite) return "The loss is not a finite number: the next step changes nothing.";
    const end = decay > 0 && opt !== "adamw" ? ", and weight decay" : "";
    return `The next step adds ${digits(terms.update)} to it: ${opt}, ${rule}${end}, with η = ${digits(terms.rate)} (row ${row}).`;
  }

  // The input i of a layer: x, or h of the layer below.
  const inputSymbol = (layer, i) => (layer === 0 ? symbol("x", null, i) : symbol("h", layer, i));

  function weight(course, found, { layer, from, to }) {
    const terms = page.terms.ofWeight(course, found, layer, from, to), l = layer + 1;
    const name = () => (terms.bias ? symbol("b", l, to + 1) : symbol("W", l, `${from + 1},${to + 1}`));
    const factor = () => (terms.bias ? "1" : inputSymbol(layer, from + 1)), delta = () => symbol("δ", l, to + 1);
    const rows = terms.products.slice(0, MOST_ROWS).map(({ example, a, delta: d, product }) => [`${example + 1}`, a, d, product]);
    const rest = terms.products.slice(MOST_ROWS);
    if (rest.length) rows.push([`and ${rest.length} more`, "", "", rest.reduce((sum, { product }) => sum + product, 0)]);
    const why = terms.bias ? "D11: the bias was added to each example, so its gradient is a sum over the batch" : "D8: activation times delta, and the mean over the batch";
    return [
      element("p", [name(), ` = ${digits(terms.value)}. Its gradient on the next batch is `, element("b", digits(terms.gradient)), "."]),
      formula("∂L/∂", name(), " = 1/N Σ ", factor(), " ", delta(), ",  ", delta(), " = ∂ℓ/∂", symbol("z", l, to + 1)),
      element("p", `Lecture row ${why}. ${stepText(course, terms)}`, { class: "hint" }),
      table(["Example", factor(), delta(), "product"], rows, [["sum", "", "", terms.total], [`mean, 1/${terms.N}`, "", "", terms.mean]]),
    ];
  }

  // The largest products of a sum, and the rest in one row.
  function longest(rows, key) {
    if (rows.length <= MOST_ROWS) return { shown: rows, rest: null };
    const sorted = [...rows].sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
    const rest = sorted.slice(MOST_ROWS);
    return { shown: sorted.slice(0, MOST_ROWS).sort((a, b) => a[key] - b[key]), rest: { count: rest.length, sum: rest.reduce((sum, { product }) => sum + product, 0) } };
  }

  const restRow = (rest) => (rest ? [[`and ${rest.count} smaller`, "", "", rest.sum]] : []);

  function forwardPart(course, found, { layer, to }, n) {
    const { rows, b, z, a, activation } = page.terms.forwardOf(course, found, layer, to, n), l = layer + 1, j = to + 1;
    const last = layer === course.net.layers.length - 1, { formula: rule, row } = jaxmlp.ACTIVATIONS[activation];
    const { shown, rest } = longest(rows, "i");
    const lines = shown.map(({ i, x, w, product }) => [inputSymbol(layer, i + 1), x, w, product]);
    const end = [[element("span", ["bias ", symbol("b", l, j)]), "", "", b], [element("span", ["sum ", symbol("z", l, j)]), "", "", z]];
    if (!last) end.push([element("span", [symbol("h", l, j), " = f(z)"]), "", "", a]);
    return element("div", [
      element("h3", "Forward"),
      formula(symbol("z", l, j), " = Σ ", inputSymbol(layer, "i"), " ", symbol("W", l, `i,${j}`), " + ", symbol("b", l, j)),
      element("p", last ? "Lecture row D3. The output activation is part of the loss." : `Lecture rows D3 and ${row}: ${activation}, ${rule}.`, { class: "hint" }),
      table(["Input", "value", "weight", "product"], [...lines, ...restRow(rest)], end),
    ]);
  }

  function outputPart(course, { value, answer, target }, l, j) {
    const loss = course.data.loss;
    return element("div", [
      element("h3", "Backward"),
      formula(symbol("δ", l, j), " = ∂ℓ/∂", symbol("z", l, j), ` = ${loss.slope}`),
      element("p", `Lecture row ${loss.row}: ${course.lossName}, ${loss.formula}.`, { class: "hint" }),
      table(["The output", "value"], [["answer a", answer], ["target y", target]], [[symbol("δ", l, j), value]]),
    ]);
  }

  function backwardPart(course, found, { layer, to }, n) {
    const delta = page.terms.deltaOf(course, found, layer, to, n), l = layer + 1, j = to + 1;
    if (delta.output) return outputPart(course, delta, l, j);
    const { slope: rule } = jaxmlp.ACTIVATIONS[course.net.layers[layer].activation];
    const { shown, rest } = longest(delta.rows, "k");
    const lines = shown.map(({ k, w, delta: next, product }) => [`unit ${k + 1}`, w, next, product]);
    const end = [["sum", "", "", delta.sum], ["slope f′(z)", "", "", delta.slope]];
    if (delta.kept !== 1) end.push(["factor of dropout", "", "", delta.kept]);
    end.push([element("span", [symbol("δ", l, j), ", their product"]), "", "", delta.value]);
    return element("div", [
      element("h3", "Backward"),
      formula(symbol("δ", l, j), " = f′(", symbol("z", l, j), ") Σ ", symbol("W", l + 1, `${j},k`), " ", symbol("δ", l + 1, "k")),
      element("p", `Lecture row D8; f′(z) = ${rule}.`, { class: "hint" }),
      table(["Next layer", "weight", symbol("δ", l + 1, "k"), "product"], [...lines, ...restRow(rest)], end),
    ]);
  }

  function unit(course, found, selected, n) {
    const last = selected.layer === course.net.layers.length - 1;
    const title = `${last ? "Output" : "Unit"} ${selected.to + 1} of layer ${selected.layer + 1}, for example ${found.batch.places[n] + 1} of the training data.`;
    return [element("p", title), element("div", [forwardPart(course, found, selected, n), backwardPart(course, found, selected, n)], { class: "halves" })];
  }

  // Shows what is selected: `{kind: "weight" | "unit", layer, from, to}`; n is an example of the batch.
  function show(box, course, found, selected, n) {
    const top = box.scrollTop;
    box.replaceChildren(...(selected.kind === "weight" ? weight(course, found, selected) : unit(course, found, selected, n)));
    box.scrollTop = top;
  }

  return { element, show };
})();
