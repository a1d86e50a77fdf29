// Sounds: players in step, and of each its waveform and spectrogram, drawn from the decoded samples.
(report => {
  const {make, all} = report;
  const WIDE = 640, HIGH = 72, WINDOW = 1024, QUIET = -90;

  function canvas(label) {
    const made = make("canvas", {role: "img", "aria-label": label});
    made.width = WIDE;
    made.height = HIGH;
    return made;
  }

  function waveform(samples) {
    const made = canvas("waveform"), pen = made.getContext("2d");
    pen.fillStyle = getComputedStyle(report.one(".bottom")).color;
    for (let x = 0; x < WIDE; x++) {
      let low = 0, high = 0;
      const end = Math.floor((x + 1) * samples.length / WIDE);
      for (let at = Math.floor(x * samples.length / WIDE); at < end; at++) {
        low = Math.min(low, samples[at]);
        high = Math.max(high, samples[at]);
      }
      pen.fillRect(x, HIGH / 2 * (1 - high), 1, Math.max(1, HIGH / 2 * (high - low)));
    }
    return made;
  }

  // Lighter is louder; low tones at the bottom, each octave as high as the next.
  function spectrogram(samples, rate) {
    const made = canvas("spectrogram"), pen = made.getContext("2d"), picture = pen.createImageData(WIDE, HIGH);
    const columns = report.spectra(samples, WIDE, WINDOW);
    const lowest = 50, highest = rate / 2;
    for (let y = 0; y < HIGH; y++) {
      const tone = lowest * (highest / lowest) ** (1 - (y + 0.5) / HIGH);
      const bin = Math.min(WINDOW / 2 - 1, Math.round(tone * WINDOW / rate));
      for (let x = 0; x < WIDE; x++) {
        const loud = Math.min(Math.max(1 - columns[x][bin] / QUIET, 0), 1);
        picture.data.set([255 * Math.min(1, loud * 1.4), 255 * loud ** 2, 255 * (0.15 + 0.5 * loud * (1 - loud)), 255], 4 * (y * WIDE + x));
      }
    }
    pen.putImageData(picture, 0, 0);
    return made;
  }

  async function sheets(player) {
    const bytes = await report.bytesOf(player.src);
    if (!bytes) return;
    const decoded = await new OfflineAudioContext(1, 1, 44100).decodeAudioData(bytes);
    const samples = decoded.getChannelData(0);
    player.after(make("div", {class: "sheets"}, waveform(samples), spectrogram(samples, decoded.sampleRate)));
  }

  report.kinds.audio = stage => {
    const players = all("audio", stage);
    if (!players.length) return;
    for (const player of players) sheets(player).catch(() => {});  // not decoded here: the drawn sheet is there
    report.inStep(stage, players);
  };
})(window.ComfyReport);
