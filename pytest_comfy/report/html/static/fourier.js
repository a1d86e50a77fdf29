// The spectrum of a sound: magnitudes in dB, by a fast Fourier transform of windows of a power of two.
(report => {
  function transform(real, imaginary) {
    const size = real.length;
    for (let at = 1, swap = 0; at < size; at++) {
      let bit = size >> 1;
      for (; swap & bit; bit >>= 1) swap ^= bit;
      swap ^= bit;
      if (at < swap) {
        [real[at], real[swap]] = [real[swap], real[at]];
        [imaginary[at], imaginary[swap]] = [imaginary[swap], imaginary[at]];
      }
    }
    for (let length = 2; length <= size; length *= 2) {
      const angle = -2 * Math.PI / length;
      for (let start = 0; start < size; start += length) {
        for (let at = 0; at < length / 2; at++) {
          const low = start + at, high = low + length / 2;
          const cosine = Math.cos(angle * at), sine = Math.sin(angle * at);
          const x = real[high] * cosine - imaginary[high] * sine, y = real[high] * sine + imaginary[high] * cosine;
          real[high] = real[low] - x;
          imaginary[high] = imaginary[low] - y;
          real[low] += x;
          imaginary[low] += y;
        }
      }
    }
  }

  // Levels in dB of `count` windows of `size` samples, spread over the sound: count arrays of size / 2.
  report.spectra = (samples, count, size) => {
    const found = [];
    for (let at = 0; at < count; at++) {
      const start = Math.round(at * Math.max(0, samples.length - size) / Math.max(1, count - 1));
      const real = new Float64Array(size), imaginary = new Float64Array(size);
      for (let i = 0; i < size; i++) real[i] = (samples[start + i] ?? 0) * (0.5 - 0.5 * Math.cos(2 * Math.PI * i / size));
      transform(real, imaginary);
      found.push(Float32Array.from({length: size / 2}, (_, i) => 20 * Math.log10(4 * Math.hypot(real[i], imaginary[i]) / size + 1e-7)));
    }
    return found;
  };
})(window.ComfyReport);
