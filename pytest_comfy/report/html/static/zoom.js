// Zoom and pan: all pictures of a stage move in step.
(report => {
  const MOST = 64;
  const states = new WeakMap();
  const stateOf = stage => {
    if (!states.has(stage)) states.set(stage, {scale: 1, x: 0, y: 0});
    return states.get(stage);
  };
  const layers = stage => report.all(".layer", stage);
  const between = (value, low, high) => Math.min(Math.max(value, low), high);

  function show(stage) {
    const state = stateOf(stage);
    const {offsetWidth: width, offsetHeight: height} = layers(stage)[0];
    state.x = between(state.x, -(state.scale - 1) * width, 0);
    state.y = between(state.y, -(state.scale - 1) * height, 0);
    const moved = state.scale === 1 ? "" : `translate(${state.x}px, ${state.y}px) scale(${state.scale})`;
    for (const layer of layers(stage)) layer.style.transform = moved;
    stage.classList.toggle("zoomed", state.scale > 1);
    stage.classList.toggle("large", state.scale * Number(stage.dataset.fit || 1) >= 2);
    const scale = report.one(".scale", stage);
    scale.textContent = `${Math.round(100 * state.scale * Number(stage.dataset.fit || 1))} %`;
    scale.setAttribute("aria-label", `${scale.textContent}, fit`);
  }

  // Zoom by a factor; the point under (clientX, clientY) stays where it is, the middle without one.
  report.zoom = (stage, factor, at) => {
    const state = stateOf(stage);
    const layer = at?.target?.closest?.(".view")?.querySelector(".layer") ?? layers(stage)[0];
    const box = layer.getBoundingClientRect(), view = layer.parentElement.getBoundingClientRect();
    const [x, y] = at ? [at.clientX, at.clientY] : [view.x + view.width / 2, view.y + view.height / 2];
    const scale = between(state.scale * factor, 1, MOST);
    state.x -= (scale / state.scale - 1) * (x - box.x);
    state.y -= (scale / state.scale - 1) * (y - box.y);
    state.scale = scale;
    show(stage);
  };

  report.unzoom = stage => {
    states.set(stage, {scale: 1, x: 0, y: 0});
    show(stage);
  };

  report.pan = (stage, x, y) => {
    const state = stateOf(stage);
    state.x += x;
    state.y += y;
    show(stage);
  };

  report.isZoomed = stage => stateOf(stage).scale > 1;

  // All pictures of a stage at one scale: as large as fits; small ones at whole multiples, to be seen at all.
  report.fit = stage => {
    const pictures = report.all(".pair img", stage).filter(one => one.naturalWidth);
    if (!pictures.length) return;
    const width = Math.max(...pictures.map(one => one.naturalWidth));
    const height = Math.max(...pictures.map(one => one.naturalHeight));
    const side = stage.dataset.way === "side" && pictures.length > 1;
    const columns = side ? getComputedStyle(report.one(".pair", stage)).gridTemplateColumns.split(" ").filter(one => one !== "0px").length : 1;
    const room = (stage.clientWidth - 13 * (columns - 1)) / columns;
    const tall = document.fullscreenElement === stage ? innerHeight - 130 : innerHeight * 0.76;
    let fit = Math.min(room / width, tall / height);
    if (fit > 1) fit = Math.max(1, Math.min(Math.floor(fit), Math.floor(384 / Math.max(width, height))));
    if (!(fit > 0)) return;
    stage.dataset.fit = fit;
    for (const one of pictures) {
      one.style.cssText = `width: ${one.naturalWidth * fit}px; height: ${one.naturalHeight * fit}px; max-width: none; max-height: none`;
    }
    for (const layer of layers(stage)) layer.style.maxWidth = "none";
    const above = report.one(".above .layer", stage);
    if (above) above.style.cssText += `; width: ${width * fit}px; height: ${height * fit}px; margin: 0`;
    show(stage);
  };
})(window.ComfyReport);
