// Which cases are shown, and in which order.
(report => {
  const list = report.one("#cases");
  if (!list) return;
  const cases = report.all(".case", list);
  const chips = report.all(".chip");
  const [search, kind, sort] = ["#search", "#kind", "#sort"].map(name => report.one(name));
  const reset = report.one(".filter [data-do='all']");
  const texts = new Map();
  let group = "";

  const split = (text, by = ",") => (text ? text.split(by) : []);
  const distance = one => one.dataset.distance === "inf" ? Infinity : Number(one.dataset.distance);
  const title = one => report.one("h3", one).textContent;
  const orders = {
    distance: (a, b) => (distance(b) === distance(a) ? 0 : distance(b) - distance(a)),
    name: (a, b) => title(a).localeCompare(title(b), undefined, {numeric: true}),
    slow: (a, b) => Number(b.dataset.seconds) - Number(a.dataset.seconds),
  };

  function textOf(one) {
    if (!texts.has(one)) {
      const parts = report.all(".line .what bdi, .sentence, .output > header > :not(.decision), .fault h4", one);
      texts.set(one, parts.map(part => part.textContent).join(" ").toLowerCase());
    }
    return texts.get(one);
  }

  report.conditions = [];  // of other scripts: whether a case is shown
  report.clearing = [];  // what else "Show all" does

  function isShown(one, words, wanted) {
    return report.conditions.every(fits => fits(one))
      && (!words.length || split(one.dataset.words).some(word => words.includes(word)))
      && (!kind.value || split(one.dataset.kinds).includes(kind.value))
      && (!group || split(one.dataset.groups, " ").includes(group))
      && wanted.every(part => textOf(one).includes(part));
  }

  report.filter = () => {
    const words = chips.filter(chip => chip.getAttribute("aria-pressed") === "true").map(chip => chip.dataset.word);
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const one of cases) {
      one.hidden = !isShown(one, words, wanted);
      count += !one.hidden;
    }
    const isFiltered = count < cases.length;
    report.one("#shown").textContent = isFiltered ? `${count} of ${cases.length}` : `${count} ${count === 1 ? "case" : "cases"}`;
    report.one("#none").hidden = count > 0;
    reset.hidden = !(isFiltered || group);
  };

  report.actions.all = () => {
    for (const chip of chips) chip.setAttribute("aria-pressed", "false");
    search.value = kind.value = group = "";
    for (const clear of report.clearing) clear();
    report.filter();
  };

  // Show a case that a link leads to, also where the filter hides it.
  report.reveal = one => { if (one?.hidden) report.actions.all(); };
  report.shownCases = () => report.all(".case", list).filter(one => !one.hidden);

  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") !== "true");
      report.filter();
    });
  }
  for (const button of report.all("[data-group]")) {
    button.addEventListener("click", () => {
      report.actions.all();
      group = button.dataset.group;
      report.filter();
      reset.textContent = `Show all, not only “${button.dataset.title}”`;
      report.one(".filter").scrollIntoView({block: "start"});
    });
  }
  search.addEventListener("input", report.filter);
  kind.addEventListener("change", report.filter);
  sort.addEventListener("change", () => list.append(...(orders[sort.value] ? [...cases].sort(orders[sort.value]) : cases)));
  report.filter();
})(window.ComfyReport);
