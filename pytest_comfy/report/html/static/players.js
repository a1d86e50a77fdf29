// Two players that go in step: what is done to one, happens to both.
(report => {
  const {make, all} = report;
  const STRIP = 128;  // pixels of a strip's height
  const APART = 0.08;  // seconds that one may run ahead

  const time = seconds => {
    const minutes = Math.floor(seconds / 60);
    return `${minutes}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;
  };

  // The bytes of a file: of a page that was served, or that has them written into it; null from a disk.
  report.bytesOf = async url => {
    if (url.startsWith("data:")) {
      const text = atob(url.slice(url.indexOf(",") + 1));
      return Uint8Array.from(text, one => one.charCodeAt(0)).buffer;
    }
    if (location.protocol === "file:") return null;
    try { return await (await fetch(url)).arrayBuffer(); } catch { return null; }
  };

  // Let a player jump to any place: not every server sends parts of a file, so a served one is taken whole.
  async function makeSeekable(one) {
    if (!location.protocol.startsWith("http") || !one.src.startsWith("http")) return;
    const file = await (await fetch(one.src)).blob();
    one.src = URL.createObjectURL(file);
  }

  // A picture among those of a strip: what stands there at a time, which a click goes to.
  report.still = (picture, width, height, seconds, goTo) => {
    const canvas = make("canvas", {title: `${seconds.toFixed(2)} s`});
    canvas.height = STRIP;
    canvas.width = Math.round(STRIP * width / height) || 1;
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    canvas.addEventListener("click", () => goTo(seconds));
    return canvas;
  };

  report.player = (act, steps) => {
    const play = make("button", {type: "button", class: "quiet", text: "Play both"});
    const range = make("input", {type: "range", min: 0, max: 1, step: "any", value: 0, "aria-label": "Place"});
    const shown = make("span", {class: "times"});
    const row = make("div", {class: "player"}, play);
    for (const [text, title, by] of steps) {
      const made = make("button", {type: "button", class: "quiet", text, title, "aria-label": title});
      made.addEventListener("click", () => act.step(by));
      row.append(made);
    }
    row.append(range, shown);
    play.addEventListener("click", () => act.toggle());
    range.addEventListener("input", () => act.seek(Number(range.value)));
    return {row, play, range, shown};
  };

  // Put players into step; returns what goes to a place, in seconds, once they have their files.
  report.inStep = async (stage, media, frame) => {
    await Promise.all(media.map(one => makeSeekable(one).catch(() => {})));  // else it plays as it can
    const [first] = media;
    let isLed = false;
    const every = act => { isLed = true; media.forEach(act); isLed = false; };
    const act = {
      toggle: () => (first.paused ? every(one => { one.currentTime = first.currentTime; one.play(); }) : every(one => one.pause())),
      seek: share => goTo(share * longest()),
      step: by => goTo(Math.max(0, first.currentTime + by)),
    };
    const goTo = seconds => every(one => { one.pause(); one.currentTime = seconds; });
    const longest = () => Math.max(...media.map(one => one.duration || 0));
    const {row, play, range, shown} = report.player(act, frame ? [["‹", "Back by a frame", -frame], ["›", "On by a frame", frame]] : []);

    function show() {
      play.textContent = first.paused ? "Play both" : "Pause both";
      range.value = longest() ? first.currentTime / longest() : 0;
      shown.textContent = `${time(first.currentTime)} / ${time(longest())}`;
    }

    for (const one of media) {
      const others = media.filter(other => other !== one);
      one.preload = "metadata";
      one.addEventListener("play", () => { if (!isLed) for (const other of others) if (other.paused) other.play(); });
      one.addEventListener("pause", () => { if (!isLed && !one.ended) for (const other of others) other.pause(); });
      one.addEventListener("seeked", () => {
        for (const other of others) if (Math.abs(other.currentTime - one.currentTime) > APART && one === first) other.currentTime = one.currentTime;
      });
      for (const name of ["play", "pause", "timeupdate", "seeked", "loadedmetadata"]) one.addEventListener(name, show);
    }
    first.addEventListener("timeupdate", () => {
      for (const other of media.slice(1)) {
        if (!first.paused && Math.abs(other.currentTime - first.currentTime) > APART) other.currentTime = first.currentTime;
      }
    });
    show();
    all(".pair", stage)[0].after(row);
    return goTo;
  };
})(window.ComfyReport);
