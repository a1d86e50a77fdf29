// Golden and actual pictures become a stage: a bar of ways above them, zoom and pan in step, values below.
(report => {
  const {make, one, all} = report;

  const button = (text, attributes, act) => {
    const made = make("button", {type: "button", class: "quiet", text, ...attributes});
    made.addEventListener("click", act);
    return made;
  };

  function bar(stage) {
    const segments = make("div", {class: "segments", role: "group", "aria-label": "Ways of comparing"});
    const isPair = all(".pair img", stage).length === 2;
    report.WAYS.forEach(([way, title], at) => {
      if (way === "drawn" ? !one(".difference img", stage) : way !== "side" && !isPair) return;
      const made = make("button", {type: "button", "data-to": way, "aria-pressed": "false", text: title, title: `key ${at + 1}`});
      made.addEventListener("click", () => report.choose(stage.closest(".output"), way));
      segments.append(made);
    });
    const frames = one(".frames", stage) && button("Frames", {"aria-pressed": "true", "data-frames": "", title: "key b"}, () => report.frame(stage));
    return make("div", {class: "ways"}, segments, make("span", {class: "controls"}), make("span", {class: "spring"}),
      ...(frames ? [frames] : []),
      button("−", {"aria-label": "Zoom out"}, () => report.zoom(stage, 1 / 1.5)),
      button("100 %", {class: "quiet scale", title: "Fit"}, () => report.unzoom(stage)),
      button("+", {"aria-label": "Zoom in"}, () => report.zoom(stage, 1.5)),
      button("Window", {title: "key f"}, () => report.fill(stage)));
  }

  function well(stage) {
    const pair = one(".pair", stage);
    const made = make("div", {class: "well"});
    pair.replaceWith(made);
    const frames = one(".frames", pair)?.cloneNode(true);
    const above = frames ? [make("div", {class: "above"}, make("div", {class: "layer"}, frames))] : [];
    made.append(pair, ...above, make("span", {class: "handle"}), make("span", {class: "tag golden", text: stage.closest(".output").dataset.before ?? "golden"}), make("span", {class: "tag actual", text: "actual"}));
    return made;
  }

  function follow(stage, place) {
    let held = null;
    place.addEventListener("pointerdown", event => {
      if (event.button || event.target.closest("a, button, figcaption")) return;
      const isSwipe = stage.dataset.way === "swipe" && !event.shiftKey;
      if (!isSwipe && !report.isZoomed(stage)) return;
      held = {isSwipe, x: event.clientX, y: event.clientY};
      place.setPointerCapture(event.pointerId);
      event.preventDefault();
      move(event);
    });
    const move = event => {
      const box = place.getBoundingClientRect();
      if (held?.isSwipe) report.swipeTo(stage, (event.clientX - box.x) / box.width);
      else if (held) report.pan(stage, event.clientX - held.x, event.clientY - held.y);
      if (held) Object.assign(held, {x: event.clientX, y: event.clientY});
    };
    place.addEventListener("pointermove", event => { move(event); report.pixelUnder(stage, event); });
    for (const end of ["pointerup", "pointercancel"]) place.addEventListener(end, () => { held = null; });
    place.addEventListener("wheel", event => {
      if (!event.ctrlKey && !event.metaKey && document.fullscreenElement !== stage) return;
      event.preventDefault();
      report.zoom(stage, Math.exp(-event.deltaY / 300), event);
    }, {passive: false});
    place.addEventListener("dblclick", event => {
      if (report.isZoomed(stage)) report.unzoom(stage);
      else report.zoom(stage, 4, event);
    });
    place.addEventListener("dragstart", event => event.preventDefault());
  }

  report.frame = stage => {
    const isBare = stage.classList.toggle("bare");
    one("[data-frames]", stage)?.setAttribute("aria-pressed", !isBare);
  };

  report.fill = stage => {
    if (document.fullscreenElement) document.exitFullscreen();
    else stage.requestFullscreen?.();
  };

  // Choose a way of comparing for an output, "" for the one that it has.
  report.choose = (output, way) => {
    const stage = one(".stage", output);
    if (!stage) return;
    report.upgrade(stage);
    if (!one(`[data-to="${CSS.escape(way)}"]`, stage)) return;
    report.setWay(stage, way);
    report.setOutput?.(output);
    report.address(output, way);
  };

  report.kinds = {};  // what else a stage may show -> what makes it one

  report.upgrade = stage => {
    if (stage.classList.contains("ready")) return;
    stage.classList.add("ready");
    if (stage.dataset.shown !== "image") {
      report.kinds[stage.dataset.shown]?.(stage);
      return;
    }
    const place = well(stage);
    stage.prepend(bar(stage));
    place.after(make("p", {class: "values", "aria-hidden": "true"}));
    follow(stage, place);
    for (const picture of all(".pair img", stage)) {
      picture.loading = "eager";
      picture.addEventListener("load", () => report.fit(stage));
    }
    new ResizeObserver(() => report.fit(stage)).observe(stage);
    report.setWay(stage, "side");
    if (stage.dataset.kind === "animation") report.animate(stage);
  };

  const open = inside => {
    for (const stage of all(".stage", inside)) if (!stage.closest("details:not([open])")) report.upgrade(stage);
  };

  document.addEventListener("toggle", event => {
    if (event.target.matches(".case > details, .same") && event.target.open) open(event.target);
  }, true);
  window.addEventListener("DOMContentLoaded", () => {
    for (const inside of all(".case.alone, .case > details[open]")) open(inside);
  });
  window.addEventListener("beforeprint", () => {
    for (const inside of all(".case:not([hidden]) > details")) inside.open = true;
    for (const picture of all(".case:not([hidden]) img")) picture.loading = "eager";
  });
})(window.ComfyReport);
