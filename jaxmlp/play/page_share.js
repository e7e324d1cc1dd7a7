// The same run elsewhere: as a command, and as a link.
"use strict";

page.share = (() => {
  const byId = (id) => document.getElementById(id);

  // A setting in the names of the options of `jaxmlp.train`. The command has whole epochs.
  function optionsOf(setting, course) {
    const scaled = jaxmlp.INITIALIZERS[setting.init].scaled, hasMu = "mu" in jaxmlp.OPTIMIZERS[setting.opt].arguments;
    const noise = setting.noise === course.dataset.noise ? null : setting.noise;
    const taken = Math.max(1, Math.ceil(course.state.t / course.perEpoch));
    return {
      dataset: setting.data, noise, train: setting.train || null, preprocessing: setting.prep === "none" ? "none" : null,
      hidden: setting.hidden, activation: course.net.activations, initializer: setting.init, initializer_scale: scaled ? setting.scale : null,
      loss: course.lossName, optimizer: setting.opt, learning_rate: setting.rate, momentum: hasMu ? setting.mu : null,
      schedule: setting.sched, epochs: setting.sched === "constant" ? taken : setting.epochs, batch_size: Math.min(setting.batch, course.data.train.N),
      dropout: setting.drop, weight_decay: setting.decay, seed: setting.seed,
    };
  }

  const command = (course) => jaxmlp.commandOf(optionsOf(course.setting, course), course.dataset);

  // Offers the points as files where the command needs them.
  function offerFiles(course) {
    const files = jaxmlp.filesOf(optionsOf(course.setting, course), course.dataset);
    byId("files").hidden = files.length === 0;
    byId("file-buttons").replaceChildren(...files.flatMap(({ name, text }) => {
      const button = page.inspect.element("button", name, { type: "button" });
      button.addEventListener("click", () => save(name, text));
      return [button, " "];
    }));
  }

  function save(name, text) {
    const link = page.inspect.element("a", [], { download: name, href: URL.createObjectURL(new Blob([text], { type: "text/csv" })) });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function linkOf(setting, step) {
    return `${location.href.split("#")[0]}#${page.setting.toHash({ ...setting, step })}`;
  }

  async function copy(text, what) {
    try {
      await navigator.clipboard.writeText(text);
      byId("copied").textContent = `${what} copied.`;
    } catch { // a page from a file may not be allowed to: the reader copies by hand
      window.prompt(`Copy ${what.toLowerCase()}:`, text);
    }
  }

  function listen(current) {
    byId("copy-command").addEventListener("click", () => copy(byId("command").textContent, "The command"));
    byId("copy-link").addEventListener("click", () => copy(linkOf(current().setting, 0), "The link"));
    byId("copy-step").addEventListener("click", () => copy(linkOf(current().setting, current().state.t), "The link"));
  }

  return { optionsOf, command, offerFiles, linkOf, listen };
})();
