// Animated pictures: started in step; where the browser decodes them for us, a player that goes frame by frame.
(report => {
  const {make, one, all} = report;
  const MOST = 200, STRIP = 12;
  const TYPES = {png: "image/png", apng: "image/png", webp: "image/webp", gif: "image/gif", avif: "image/avif"};

  function anew(stage) {
    for (const picture of all(".pair img", stage)) {
      const source = picture.src;
      picture.src = "data:,";
      requestAnimationFrame(() => { picture.src = source; });
    }
  }

  const typeOf = url => url.startsWith("data:") ? url.slice(5, url.indexOf(";")) : TYPES[url.split(".").pop().toLowerCase()];

  // The frames of a picture, and when each begins, in seconds.
  async function framesOf(url) {
    const data = await report.bytesOf(url);
    if (!data || !window.ImageDecoder) return null;
    const decoder = new ImageDecoder({data, type: typeOf(url)});
    await Promise.all([decoder.completed, decoder.tracks.ready]);
    const frames = [];
    let begins = 0;
    for (let frameIndex = 0; frameIndex < Math.min(decoder.tracks.selectedTrack.frameCount, MOST); frameIndex++) {
      const {image} = await decoder.decode({frameIndex});
      const bitmap = await createImageBitmap(image);
      frames.push({bitmap, begins});
      begins += (image.duration ?? 100000) / 1e6;
      image.close();
    }
    return {frames, lasts: begins};
  }

  function draw(canvas, bitmap) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
  }

  function strip(frames, seek) {
    const row = make("div", {class: "strip", tabindex: "0", role: "img", "aria-label": "frames"});
    const every = Math.ceil(frames.length / STRIP);
    for (const {bitmap, begins} of frames.filter((_, at) => at % every === 0)) {
      row.append(report.still(bitmap, bitmap.width, bitmap.height, begins, seek));
    }
    return row;
  }

  async function player(stage, again) {
    const pictures = all(".pair img", stage);
    const decoded = await Promise.all(pictures.map(picture => framesOf(picture.src)));
    if (decoded.some(each => !each || each.frames.length < 2)) return;
    const lasts = Math.max(...decoded.map(each => each.lasts));
    const canvases = pictures.map(picture => make("canvas", {role: "img", "aria-label": picture.alt}));
    const shows = make("div", {class: "pair frames-in-step"}, ...canvases.map((canvas, at) => make("figure", {}, canvas, make("figcaption", {text: pictures[at].alt}))));
    let now = 0, started = null;
    const show = () => {
      decoded.forEach(({frames}, at) => draw(canvases[at], (frames.findLast(frame => frame.begins <= now + 1e-6) ?? frames[0]).bitmap));
      made.range.value = now / lasts;
      made.shown.textContent = `${now.toFixed(2)} / ${lasts.toFixed(2)} s`;
      made.play.textContent = started === null ? "Play both" : "Pause both";
    };
    const begins = [...new Set(decoded.flatMap(({frames}) => frames.map(frame => frame.begins)))].sort((a, b) => a - b);
    const seek = seconds => { started = null; now = Math.min(Math.max(seconds, 0), lasts); show(); };
    const run = stamp => {
      if (started === null || !stage.isConnected) return;
      now = ((stamp - started) / 1000) % lasts;
      show();
      requestAnimationFrame(run);
    };
    const made = report.player({
      toggle: () => {
        started = started === null ? performance.now() - now * 1000 : null;
        requestAnimationFrame(run);
        show();
      },
      seek: share => seek(share * lasts),
      step: by => seek((by > 0 ? begins.find(each => each > now + 1e-6) : begins.findLast(each => each < now - 1e-6)) ?? now),
    }, [["‹", "Back by a frame", -1], ["›", "On by a frame", 1]]);
    again.after(made.row, shows, ...decoded.map(({frames}) => strip(frames, seek)));
    show();
  }

  report.animate = stage => {
    const again = make("button", {type: "button", class: "quiet", text: "Start both anew"});
    again.addEventListener("click", () => anew(stage));
    one(".values", stage).after(again);
    player(stage, again).catch(() => {});  // a format that this browser cannot take apart still plays by itself
  };
})(window.ComfyReport);
