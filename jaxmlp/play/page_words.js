// The texts of the page that depend on the setting.
"use strict";

page.words = (() => {
  const byId = (id) => document.getElementById(id);
  const MARKS = ["Circles", "triangles", "squares", "diamonds", "crosses", "pluses"];

  const isPlane = ({ width }) => width === 2;

  function titleOf({ data }) {
    if (page.output.hasCurve(data)) return "The network's curve";
    if (!isPlane(data)) return "Answers on the test examples";
    return data.task === "regression" ? "The network's values" : "Regions of the classes";
  }

  // Which mark stands for which class.
  function legendOf({ data, dataset }) {
    if (page.output.hasCurve(data)) return "Points: examples; line: the network.";
    if (data.task === "regression") return "Orange is a high value, blue a low one.";
    return `${dataset.classes.map((name, k) => `${MARKS[k % MARKS.length]}: class ${name}`).join(", ")}. The line is the border.`;
  }

  function hintOf(course) {
    if (!isPlane(course.data) && !page.output.hasCurve(course.data)) return "Rows are the true classes, columns the network's answers; right ones lie on the diagonal.";
    return `${legendOf(course)} The picture of each unit in the graph shows the same inputs; choose a unit to see it here in large. `
      + "There, orange is positive and blue negative.";
  }

  function measuredOf(course) {
    const { train, test } = course.data, measured = page.run.measuredOf(course, train);
    return measured < train.N ? `Measured on the first ${measured} examples of each part.`
      : `Measured on all ${train.N} training and ${test.N} test examples.`;
  }

  function show(course) {
    const { dataset, data, net, score } = course, table = data.width > 2 && !["binary", "multiclass"].includes(data.task);
    byId("read-score-name").textContent = score === "accuracy" ? "Accuracy, train / test" : "R², train / test";
    byId("output-panel").hidden = table; // values and labels of many inputs have no picture
    byId("output-hint").textContent = hintOf(course);
    byId("curves-hint").textContent = measuredOf(course);
    byId("layers-hint").textContent = page.layers.HINT;
    byId("weights-panel").hidden = !dataset.picture;
    byId("network").setAttribute("aria-label", `The network as a graph: ${[data.width, ...net.hidden, data.outputs].join(", ")} units`);
  }

  return { titleOf, show };
})();
