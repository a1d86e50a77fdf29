// The six ways of comparing two pictures that lie in one place: what each needs beside its style.
(report => {
  const BLINK = 700;
  const timers = new WeakMap();

  report.WAYS = [["side", "Side by side"], ["swipe", "Swipe"], ["blink", "Blink"], ["onion", "Onion skin"], ["heat", "Heat map"], ["drawn", "Drawn"]];

  report.swipeTo = (stage, share) => {
    const at = Math.min(Math.max(share, 0), 1) * 100;
    stage.style.setProperty("--at", `${at}%`);
    const range = report.one("input[name='swipe']", stage);
    if (range) range.value = at;
  };

  function turn(stage) {
    stage.dataset.now = stage.dataset.now === "actual" ? "golden" : "actual";
    if (!timers.has(stage)) report.tell(stage.dataset.now);
  }

  report.stopBlinking = stage => {
    clearInterval(timers.get(stage));
    timers.delete(stage);
    report.one("[data-blink]", stage)?.setAttribute("aria-pressed", "false");
  };

  function startBlinking(stage) {
    report.stopBlinking(stage);
    timers.set(stage, setInterval(() => (stage.isConnected ? turn(stage) : report.stopBlinking(stage)), BLINK));
    report.one("[data-blink]", stage).setAttribute("aria-pressed", "true");
  }

  // Once: stop where it blinks by itself; from then on: the other picture.
  report.blinkOnce = stage => {
    if (timers.has(stage)) report.stopBlinking(stage);
    turn(stage);
  };

  const amplify = gain => {
    report.one("#heat-gain").setAttribute("values", `${`${gain} ${gain} ${gain} 0 0  `.repeat(3)}0 0 0 1 0`);
    report.one("#amplified-gain").setAttribute("values", `${gain} 0 0 0 0  0 ${gain} 0 0 0  0 0 ${gain} 0 0  0 0 0 1 0`);
  };

  function range(label, name, most, value, set) {
    const input = report.make("input", {type: "range", name, min: name === "gain" ? 1 : 0, max: most, value});
    input.addEventListener("input", () => set(Number(input.value)));
    set(Number(value));
    return report.make("label", {}, label, input);
  }

  const controls = {
    swipe: stage => [range("Divide", "swipe", 100, 50, value => report.swipeTo(stage, value / 100))],
    onion: stage => [range("Golden to actual", "onion", 100, 50, value => stage.style.setProperty("--share", value / 100))],
    blink: stage => {
      const button = report.make("button", {type: "button", class: "quiet", "data-blink": "", "aria-pressed": "false", text: "By itself"});
      button.addEventListener("click", () => (timers.has(stage) ? report.stopBlinking(stage) : startBlinking(stage)));
      const other = report.make("button", {type: "button", class: "quiet", text: "The other"});
      other.addEventListener("click", () => report.blinkOnce(stage));
      return [button, other];
    },
    heat: stage => {
      const button = report.make("button", {type: "button", class: "quiet", "aria-pressed": "false", text: "In colours"});
      button.addEventListener("click", () => button.setAttribute("aria-pressed", stage.classList.toggle("plain")));
      stage.classList.remove("plain");
      return [range("Amplify", "gain", 32, 4, amplify), button];
    },
  };

  report.setWay = (stage, way) => {
    report.stopBlinking(stage);
    stage.dataset.way = way;
    stage.classList.toggle("over", ["swipe", "blink", "onion", "heat"].includes(way));
    report.one(".controls", stage).replaceChildren(...(controls[way]?.(stage) ?? []));
    for (const button of report.all("[data-to]", stage)) button.setAttribute("aria-pressed", button.dataset.to === way);
    if (way === "blink") {
      stage.dataset.now = "golden";
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) startBlinking(stage);
    }
    report.fit(stage);
  };
})(window.ComfyReport);
