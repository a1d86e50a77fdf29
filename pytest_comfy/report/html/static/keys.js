// The keyboard. Single keys can be switched off in the help, for those whose tools type them by accident.
(report => {
  const {one, all} = report;
  const help = one("#help"), isOn = one("#keys-on");
  let current = null, output = null;

  report.setCurrent = article => {
    current?.classList.remove("current");
    current = article;
    current?.classList.add("current");
  };
  report.setOutput = found => {
    output?.classList.remove("current");
    output = found;
    output?.classList.add("current");
    report.setCurrent(found?.closest(".case") ?? current);
  };
  report.actions.help = () => help.showModal();

  const cases = () => report.shownCases?.() ?? all(".case");
  const outputs = () => (current ? all(".output", current) : []).filter(found => one(".stage", found));
  const detailsOf = article => article && one(":scope > details", article);

  function step(by) {
    const shown = cases();
    const next = shown[shown.indexOf(current) + (current ? by : by > 0 ? 1 : 0)];
    if (!next) return;
    const [before, after] = [detailsOf(current), detailsOf(next)];
    if (before?.dataset.opened) { before.open = false; delete before.dataset.opened; }
    if (after && !after.open) { after.open = true; after.dataset.opened = "by key"; }
    report.setCurrent(next);
    output = null;
    one(".line", next)?.focus({preventScroll: true});
    next.scrollIntoView({block: "start"});
  }

  function stepOutput(by) {
    const there = outputs();
    const next = there[there.indexOf(output) + (output ? by : by > 0 ? 1 : 0)];
    if (!next) return;
    report.setOutput(next);
    next.scrollIntoView({block: "start"});
  }

  const stage = () => {
    if (!output || output.closest(".case") !== current) output = outputs()[0] ?? null;
    const found = output && one(".stage.ready", output);
    return found?.dataset.shown === "image" ? found : null;
  };
  const onStage = act => () => { const found = stage(); if (found) act(found); };

  function blink(event) {
    const found = stage();
    if (found?.dataset.way !== "blink" || event.target.closest("button, input, select, a, video, audio")) return;
    event.preventDefault();
    report.blinkOnce(found);
  }

  report.current = () => ({article: current, output: output?.closest(".case") === current ? output : null});

  const keys = report.keys = {
    j: () => step(1), k: () => step(-1), n: () => stepOutput(1), p: () => stepOutput(-1),
    o: () => { const found = detailsOf(current); if (found) found.open = !found.open; },
    "/": event => { const field = one("#search"); if (field) { event.preventDefault(); field.focus(); field.select(); } },
    "?": () => help.showModal(),
    "+": onStage(found => report.zoom(found, 1.5)), "=": onStage(found => report.zoom(found, 1.5)),
    "-": onStage(found => report.zoom(found, 1 / 1.5)), 0: onStage(found => report.unzoom(found)),
    b: onStage(found => report.frame(found)), f: onStage(found => report.fill(found)), " ": blink,
  };
  report.WAYS.forEach(([way], at) => { keys[at + 1] = onStage(() => report.choose(output, way)); });

  document.addEventListener("keydown", event => {
    if (event.key === "Escape" && event.target.matches("#search")) event.target.blur();
    if (!isOn.checked || help.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, [contenteditable]") && event.target.type !== "range") return;
    keys[event.key]?.(event);
  });
  document.addEventListener("pointerdown", event => {
    const found = event.target.closest(".output");
    if (found) report.setOutput(found);
    else if (event.target.closest(".case")) report.setCurrent(event.target.closest(".case"));
  });

  if (one(".case.alone")) current = one(".case.alone");
  isOn.checked = report.remembered("keys") !== "off";
  isOn.addEventListener("change", () => report.remember("keys", isOn.checked ? "on" : "off"));
})(window.ComfyReport);
