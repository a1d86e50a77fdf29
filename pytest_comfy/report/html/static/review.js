// The review as a whole: how far it is, all shown cases at once, and the list of what was decided.
(report => {
  const {one, all, make, review} = report;
  const list = one("#cases"), wanted = one("#decision");
  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

  function count() {
    const states = {approved: 0, rejected: 0, undecided: 0};
    for (const now of review.cases.values()) if (now.needs) states[now.state in states ? now.state : "undecided"]++;
    return states;
  }

  review.onChange(() => {
    one("#decided").textContent = review.decisions.length;
    const place = one("#progress");
    if (!place) return;
    const {approved, rejected, undecided} = count(), all = approved + rejected + undecided;
    place.textContent = all ? `${approved} approved, ${rejected} rejected, ${undecided} to decide` : "Nothing waits for a decision";
    one(".meter .approved").style.width = `${100 * approved / (all || 1)}%`;
    one(".meter .rejected").style.width = `${100 * rejected / (all || 1)}%`;
  });

  // The filter by decision. What is decided stays in sight until the filter is used again.
  if (list) {
    report.conditions.push(article => {
      const now = review.cases.get(article.id);
      if (!wanted.value) return true;
      if (wanted.value !== "undecided") return now?.state === wanted.value;
      return now?.needs && ["undecided", "partly"].includes(now.state);
    });
    report.clearing.push(() => { wanted.value = ""; });
    wanted.addEventListener("change", report.filter);
  }

  // All that are shown.
  const dialog = one("#together"), go = one("#together-go");
  let going = null;

  function chosen(decision) {
    return report.shownCases().map(article => article.id).filter(id => {
      const now = review.cases.get(id);
      return now?.needs && now.state !== decision;
    });
  }

  report.actions.together = button => {
    const {decision} = button.dataset, ids = chosen(decision), shown = report.shownCases().length;
    const act = decision === "approved" ? "Approve" : "Reject";
    going = null;
    one("#together-title").textContent = `${act} ${plural(ids.length, "case")}`;
    const others = shown - ids.length;
    const told = decision === "approved" ? "Their runs become the golden runs." : "They stay red.";
    const left = others ? ` ${plural(others, "other case")} that ${others === 1 ? "is" : "are"} shown ${others === 1 ? "needs" : "need"} no such decision, or cannot be approved.` : "";
    one("#together-told").textContent = (ids.length ? told : "None of the shown cases waits for this.") + left;
    one(".progress", dialog).hidden = true;
    one(".refusals", dialog).replaceChildren();
    go.hidden = !ids.length;
    go.className = decision === "approved" ? "approving" : "rejecting";
    go.textContent = `${act} ${plural(ids.length, "case")}`;
    go.onclick = () => run(ids, decision, one("#together-reason").value);
    dialog.showModal();
  };

  async function run(ids, decision, reason) {
    const mine = going = {};
    const bar = one("progress", dialog), place = one("#together-progress");
    let done = 0, refused = 0;
    go.hidden = true;
    one(".progress", dialog).hidden = false;
    bar.max = ids.length;
    one("button", dialog).focus();
    for (const id of ids) {
      if (going !== mine) return;
      try {
        await review.decide(id, null, decision, reason);
        done++;
      } catch (error) {
        refused++;
        one(".refusals", dialog).append(make("li", {text: `${one("h3", document.getElementById(id)).textContent}: ${error.message}`}));
      }
      bar.value = done + refused;
      place.textContent = `${done + refused} of ${ids.length}`;
    }
    const text = `${done} ${decision}${refused ? `, ${refused} refused` : ""}`;
    place.textContent = text;
    if (refused) return report.tell(text);
    dialog.close();
    report.say(text);
  }
  // Closed half-way: what is decided is, the rest is left.
  dialog.addEventListener("close", () => { going = null; });

  // The list.
  const taken = one("#decisions");
  const complain = text => {
    const place = one(".refusal", taken);
    place.textContent = text;
    place.hidden = !text;
  };

  function row(each) {
    const undo = make("button", {type: "button", class: "quiet", text: "Undo", "aria-label": `Undo: ${each.decision} ${each.name}${each.output ? ` ${each.output}` : ""}`});
    undo.hidden = !each.undo;
    undo.addEventListener("click", async () => {
      complain("");
      await review.takeBack(each, told => complain(`Not undone: ${told}`));
      if (!undo.isConnected) (one(".taken button:not([hidden])", taken) ?? one("button", taken)).focus();
    });
    const name = make("bdi", {class: "name", text: each.name + (each.output ? ` ${each.output}` : "")});
    const at = make("small", {text: each.at.replace("T", " ").replace("Z", " UTC")});
    const why = each.reason ? [make("bdi", {class: "why", text: each.reason})] : [];
    return make("li", {}, make("span", {class: `decision d-${each.decision}`, text: review.WORDS[each.decision]}), make("span", {class: "what"}, name, ...why, at), undo);
  }

  report.actions.decisions = (_, told = "") => {
    if (told) complain(`Not undone: ${told}`);
    else complain("");
    if (!taken.open) taken.showModal();
  };
  review.onChange(() => {
    one("#decisions-told").textContent = review.decisions.length
      ? "Golden runs follow: what is undone is put back as it was."
      : "Nothing is decided yet.";
    one(".taken", taken).replaceChildren(...review.decisions.map(row));
    one(".taken", taken).hidden = !review.decisions.length;
  });

  const load = () => review.load().catch(error => {
    let place = one("#stale");
    if (!place) {
      place = make("p", {id: "stale", class: "refusal", role: "alert"});
      one("#main").prepend(place);
    }
    place.textContent = `Nothing can be decided: ${error.message}`;
  });
  load().then(() => {
    all("article.case").filter(one => one.matches(".alone") || one.querySelector(":scope > details[open]")).forEach(review.check);
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) load(); });
})(window.ComfyReport);
