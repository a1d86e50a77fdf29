// What is decided, as the server knows it: asked for, told to whoever shows it, and never changed here.
(report => {
  const {key, version, root} = document.documentElement.dataset;
  const listeners = [];
  const review = report.review = {cases: new Map(), decisions: []};
  let last = Promise.resolve();

  review.onChange = listener => listeners.push(listener);
  review.WORDS = {approved: "✓ approved", rejected: "✕ rejected", undecided: "not decided"};

  function take(told) {
    for (const [id, one] of Object.entries(told.cases)) review.cases.set(id, one);
    review.decisions = told.decisions;
    for (const listener of listeners) listener(Object.keys(told.cases));
  }

  async function answered(path, options) {
    let response;
    try {
      response = await fetch(`${root}-/${path}`, options);
    } catch {
      throw new Error("the review server does not answer: start it again, and open its new address");
    }
    if (response.ok) return response.json();
    throw new Error((await response.text()).trim() || `the server answered ${response.status}`);
  }

  review.ask = (path, body) => answered(path, {
    method: "POST", headers: {"Content-Type": "application/json", "X-Comfy-Review": key}, body: JSON.stringify({version, ...body}),
  });

  // One after the other, in the order in which a person acts.
  const inTurn = act => (last = last.then(act, act));
  review.decide = (id, output, decision, reason) =>
    inTurn(async () => take(await review.ask("decide", {case: id, output, decision, reason})));
  review.undo = number => inTurn(async () => take(await review.ask("undo", {number})));

  review.load = async () => {
    const told = await answered("state");
    if (told.version !== version) throw new Error("a session wrote the report anew: reload the page");
    take(told);
  };

  // Said to screen readers, and shown for a moment.
  const toast = report.make("p", {class: "toast", "aria-hidden": "true", hidden: ""});
  let timer = 0;
  document.body.append(toast);
  report.say = text => {
    report.tell(text);
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(() => { toast.hidden = true; }, 5000);
  };

  // The token has done its part; what stands in the address may be copied, and lies in the history.
  if (location.search) history.replaceState(null, "", `index.html${location.hash}`);
})(window.ComfyReport);
