// What a setting may be: names that the engine knows, and parts that go together.
"use strict";

page.check = (() => {
  const NAMES = { init: () => jaxmlp.INITIALIZERS, opt: () => jaxmlp.OPTIMIZERS, sched: () => jaxmlp.SCHEDULES };
  const KINDS = { init: "initializer", opt: "optimizer", sched: "schedule" };

  const whyNotActivation = (name) => (jaxmlp.ACTIVATIONS[name].forwardOnly ? "it has no slope, so backpropagation cannot train with it" : "");

  // Why a field has no effect under a setting; "" if it has one.
  function idle(setting, dataset) {
    const noHidden = setting.hidden.length === 0;
    return {
      scale: jaxmlp.INITIALIZERS[setting.init].scaled ? "" : `${setting.init} has its own scale`,
      mu: "mu" in jaxmlp.OPTIMIZERS[setting.opt].arguments ? "" : `${setting.opt} has no momentum μ`,
      noise: dataset.noise === null ? `${dataset.title} has no noise` : "",
      epochs: setting.sched === "constant" ? "a constant rate has no end" : "",
      prep: dataset.picture ? "pictures are always scaled to [0, 1]" : "",
      act: noHidden ? "there is no hidden layer" : "",
      drop: noHidden ? "there is no hidden unit to drop" : "",
    };
  }

  // Returns the setting with the usual value where one cannot be used, and a sentence for each.
  function repair(given, datasets) {
    const setting = page.setting.complete(given), problems = [];
    const refuse = (field, reason) => {
      problems.push(reason);
      const { usual } = page.setting.FIELDS[field];
      setting[field] = Array.isArray(usual) ? [...usual] : usual;
    };
    if (!datasets.some(({ name }) => name === setting.data)) {
      if (setting.data !== page.setting.FIELDS.data.usual) problems.push(`this page has no data set ${setting.data}`);
      setting.data = datasets[0].name;
    }
    for (const [field, table] of Object.entries(NAMES))
      if (!(setting[field] in table())) refuse(field, `there is no ${KINDS[field]} ${setting[field]}`);
    const unknown = setting.act.find((name) => !(name in jaxmlp.ACTIVATIONS));
    if (unknown) refuse("act", `there is no activation ${unknown}`);
    const bad = setting.act.find((name) => whyNotActivation(name) !== "");
    if (bad) refuse("act", `${bad} does not train: ${whyNotActivation(bad)}`);
    if (setting.act.length === 0) refuse("act", "act must name an activation");
    repairLoss(setting, datasets, refuse);
    if (!page.data.PREPARATIONS.includes(setting.prep)) refuse("prep", `prep must be ${page.data.PREPARATIONS.join(" or ")}, got ${setting.prep}`);
    return { setting, problems };
  }

  function repairLoss(setting, datasets, refuse) {
    const dataset = datasets.find(({ name }) => name === setting.data);
    if (setting.loss === "") return;
    if (!(setting.loss in jaxmlp.LOSSES)) refuse("loss", `there is no loss ${setting.loss}`);
    else if (page.data.whyNot(dataset, setting.loss) !== "") refuse("loss", `${setting.loss} does not suit: ${page.data.whyNot(dataset, setting.loss)}`);
  }

  return { idle, repair, whyNotActivation };
})();
