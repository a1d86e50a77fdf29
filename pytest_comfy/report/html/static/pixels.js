// The values of the pixel under the pointer, of golden and actual. Browsers tell them only of pictures that a page was
// served with, or that are written into it; of a page from a disk they do not.
(report => {
  const REFUSED = "Pixel values: a browser does not tell those of pictures from a disk. Serve this folder, as by python -m http.server, or write the report with --comfy-report-inline.";
  const canvases = new WeakMap();

  function canvasOf(picture) {
    if (!canvases.has(picture)) {
      const canvas = report.make("canvas");
      canvas.width = picture.naturalWidth;
      canvas.height = picture.naturalHeight;
      const context = canvas.getContext("2d", {willReadFrequently: true});
      context.drawImage(picture, 0, 0);
      canvases.set(picture, context);
    }
    return canvases.get(picture);
  }

  function valueAt(picture, x, y) {
    if (!picture?.complete || x >= picture.naturalWidth || y >= picture.naturalHeight) return null;
    return [...canvasOf(picture).getImageData(x, y, 1, 1).data];
  }

  const shown = value => value ? (value[3] < 255 ? value : value.slice(0, 3)).map(one => String(one).padStart(3)).join(" ") : "–";

  function swatch(value) {
    const made = report.make("i");
    if (value) made.style.background = `rgb(${value.slice(0, 3).join(" ")} / ${value[3] / 255})`;
    return made;
  }

  report.pixelUnder = (stage, event) => {
    const line = report.one(".values", stage);
    const picture = event.target.closest?.(".view")?.querySelector("img") ?? report.one(".pair .actual img", stage);
    if (!picture?.naturalWidth) return;
    const box = picture.getBoundingClientRect();
    const x = Math.floor((event.clientX - box.x) / box.width * picture.naturalWidth);
    const y = Math.floor((event.clientY - box.y) / box.height * picture.naturalHeight);
    if (x < 0 || y < 0 || x >= picture.naturalWidth || y >= picture.naturalHeight) return;
    try {
      const [golden, actual] = ["golden", "actual"].map(role => valueAt(report.one(`.pair .${role} img`, stage), x, y));
      const apart = golden && actual ? golden.slice(0, 3).map((one, at) => actual[at] - one) : null;
      const signed = apart?.map(one => (one > 0 ? `+${one}` : String(one)).padStart(4)).join(" ") ?? "–";
      line.replaceChildren(`x ${x}  y ${y}`, swatch(golden), ` ${stage.closest(".output").dataset.before ?? "golden"} ${shown(golden)}`, swatch(actual), ` actual ${shown(actual)}   difference ${signed}`);
    } catch {
      line.textContent = REFUSED;
    }
  };
})(window.ComfyReport);
