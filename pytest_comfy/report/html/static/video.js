// Videos: players in step, and a strip of frames below each. A canvas draws frames of a page from a disk, too.
(report => {
  const {make, all} = report;
  const FRAMES = 10, FRAME = 1 / 24;

  const once = (target, name) => new Promise((done, failed) => {
    target.addEventListener(name, done, {once: true});
    target.addEventListener("error", failed, {once: true});
  });

  async function strip(video, row, goTo) {
    const copy = make("video", {src: video.src, muted: "", preload: "auto"});
    await once(copy, "loadeddata");
    const count = Math.min(FRAMES, Math.max(1, Math.round(copy.duration / FRAME)));
    for (let at = 0; at < count; at++) {
      const seconds = (at + 0.5) * copy.duration / count;
      copy.currentTime = seconds;
      await once(copy, "seeked");
      row.append(report.still(copy, copy.videoWidth, copy.videoHeight, seconds, goTo));
    }
    row.setAttribute("role", "img");
    row.setAttribute("aria-label", `${count} frames`);
  }

  report.kinds.video = async stage => {
    const videos = all("video", stage);
    if (!videos.length) return;
    const goTo = await report.inStep(stage, videos, FRAME);
    for (const video of videos) {
      const row = make("div", {class: "strip", tabindex: "0"});
      video.after(row);
      strip(video, row, goTo).catch(() => row.remove());  // a browser without the codec shows its player alone
    }
  };
})(window.ComfyReport);
