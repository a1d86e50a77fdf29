// Approve and reject on each case and output: buttons, keys, and what came of it.
(report => {
  const {one, all, review} = report;
  const articleOf = id => document.getElementById(id);
  const nameOf = article => one("h3, h1", article).textContent;

  function mark(place, word, text) {
    if (!place) return;
    place.hidden = !text;
    place.textContent = text;
    place.className = `decision d-${word}`;
  }

  const approvedOf = now => Object.values(now.outputs).filter(word => word === "approved").length;

  function lineOf(now) {
    const many = Object.keys(now.outputs).length;
    if (now.state === "partly") return `${approvedOf(now)} of ${many} approved`;
    return now.state === "undecided" ? "" : review.WORDS[now.state];
  }

  function sentenceOf(now) {
    const many = Object.keys(now.outputs).length, because = now.reason ? ` Reason: ${now.reason}` : "";
    if (now.state === "approved") return `Approved. Written to ${now.written}.${because}`;
    if (now.state === "rejected") return `Rejected: the case stays red.${because}`;
    if (now.state === "partly") return `${approvedOf(now)} of ${many} outputs approved: the golden run is written once all are.${because}`;
    return many > 1 ? `The golden run is written once all ${many} outputs are approved.` : "Is this how it should be?";
  }

  function press(bar, decision) {
    for (const button of all("[data-decide]", bar)) button.setAttribute("aria-pressed", button.dataset.decide === decision);
  }

  function show(id) {
    const article = articleOf(id), now = review.cases.get(id);
    if (!article || !now) return;
    mark(one(":scope > details > .line .decision, :scope > .line .decision, :scope > header .decision", article), now.state, lineOf(now));
    article.dataset.decided = now.state;
    for (const [name, decision] of Object.entries(now.outputs)) {
      const output = document.getElementById(`${id}/${name}`);
      if (!output) continue;
      mark(one(":scope > header .decision", output), decision, decision ? review.WORDS[decision] : "");
      const bar = one(":scope > .decide", output);
      if (bar) press(bar, decision);
    }
    const bar = one(".decide.whole", article);
    if (!bar) return;
    one(".standing", bar).textContent = now.may || now.state !== "undecided" ? sentenceOf(now) : "";
    press(bar, now.state);
    one("[data-do='undo-here']", bar).hidden = !latestOf(id);
  }

  const latestOf = id => review.decisions.find(taken => taken.undo && (!id || taken.case === id));

  function complain(bar, text) {
    const place = one(".refusal[role]", bar);
    place.textContent = text;
    place.hidden = !text;
  }

  async function decide(bar, decision) {
    const article = bar.closest("article.case"), output = bar.closest(".output");
    const reason = one("input", bar).value;
    const name = output?.id.slice(article.id.length + 1) ?? null;
    if (bar.getAttribute("aria-busy") === "true") return;
    bar.setAttribute("aria-busy", "true");
    complain(bar, "");
    try {
      await review.decide(article.id, name, decision, reason);
      report.say(`${decision === "approved" ? "Approved" : "Rejected"} ${nameOf(article)}${name ? ` ${name}` : ""}`);
    } catch (error) {
      complain(bar, `Not ${decision}: ${error.message}`);
    } finally {
      bar.removeAttribute("aria-busy");
    }
  }

  async function undo(taken, whenRefused) {
    if (!taken) return report.say("There is nothing to undo");
    try {
      await review.undo(taken.number);
      report.say(`Undone: ${taken.decision} ${taken.name}${taken.output ? ` ${taken.output}` : ""}`);
    } catch (error) {
      whenRefused(error.message);
    }
  }
  review.takeBack = undo;

  // Whether a case could be approved is looked at when it is opened: a golden run may have moved on since.
  async function check(article) {
    const now = review.cases.get(article.id), bar = one(".decide.whole", article);
    if (!bar || !now?.may || now.state === "approved" || now.state === "rejected") return;
    try {
      const {refused} = await review.ask("check", {case: article.id});
      complain(bar, refused ? `It cannot be approved: ${refused}` : "");
    } catch (error) {
      complain(bar, error.message);
    }
  }

  const barNow = () => {
    const {article, output} = report.current();
    if (!article) return null;
    const details = one(":scope > details", article);
    if (details && !details.open) {
      details.open = true;
      report.say("Opened: look first");
      return null;
    }
    return (output && one(":scope > .decide", output)) ?? one(".decide.whole", article);
  };
  const onBar = act => event => {
    const bar = barNow();
    if (!bar) return;
    event.preventDefault();
    act(bar);
  };

  report.actions["undo-here"] = button => {
    const bar = button.closest(".decide");
    complain(bar, "");
    undo(latestOf(bar.closest("article.case").id), told => complain(bar, told)).then(() => {
      if (button.hidden) one("[data-decide]", bar).focus();  // what had the focus is gone
    });
  };
  Object.assign(report.keys, {
    a: onBar(bar => { if (one(".approving", bar)) decide(bar, "approved"); }),
    r: onBar(bar => decide(bar, "rejected")),
    e: onBar(bar => one("input", bar).focus()),
    u: () => undo(latestOf(), told => report.actions.decisions(null, told)),
  });

  document.addEventListener("click", event => {
    const button = event.target.closest("[data-decide]");
    if (button) decide(button.closest(".decide"), button.dataset.decide);
  });
  document.addEventListener("keydown", event => {
    if (!event.target.matches(".decide input")) return;
    if (event.key === "Enter") one("[data-decide]", event.target.closest(".decide")).focus();
    if (event.key === "Escape") event.target.blur();
  });
  document.addEventListener("toggle", event => {
    if (event.target.matches("article.case > details[open]")) check(event.target.parentElement);
  }, true);

  review.onChange(ids => ids.forEach(show));
  review.onChange(() => {
    const reasons = new Set(review.decisions.map(taken => taken.reason).filter(Boolean));
    one("#reasons").replaceChildren(...[...reasons].map(value => report.make("option", {value})));
  });
  review.check = check;
  for (const bar of all(".decide")) bar.hidden = false;
})(window.ComfyReport);
