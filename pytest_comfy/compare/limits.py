"""How far each statistic may move at `normal`: one table a kind of output, and where the figures come from."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .result import Part

IMAGE: Mapping[str, float] = {
    "phash": math.inf,
    "luma": 4.5,
    "luma_rms": 2.1,
    "luma_local": 4.0,
    "chroma": 3.3,
    "cast": 1.5,
    "chroma_gain": 1.6,
    "energy": 0.3,
    "energy_local": 0.2,
    "seam": 3.0,
    "banding": 0.3,
    "blocking": 0.2,
    "grid": 0.6,
    "alpha": 8.0,
    "range": 4.0,
    "pixels": 1.8,
    "pixels_chroma": 2.9,
    "pixels_grid": 0.8,
}
"""Still pictures.

Each is about 1.5 times the largest movement among 21 harmless variants (re-encoding, noise up to sigma 1.5, drift
of up to 3 levels, warps of a quarter pixel, JPEG and WEBP from quality 95) of some hundred generated pictures.

phash          bits of 256 that differ. Not judged unless it is given a limit: it was made to find a picture again, and
               beside the maps it catches nothing more
luma           levels (0-255), of the cell whose mean luma moved most
luma_rms       levels, root of the mean square of all cells
luma_local     levels, of the cell that moved most against the mean of its eight neighbours; of frames only
chroma         levels of (Cb, Cr), of the cell that moved most against its surroundings of 5x5 cells
cast           levels of (Cb, Cr), by which the whole picture's mean moved
chroma_gain    levels: how far the best common turn and stretch of all colours is from none, times the mean
               saturation (root of the mean square)
energy         octaves of the mean squared step between neighbouring pixels, of the cell that moved most
energy_local   the same against the cell's surroundings of 5x5, with more tolerance for smooth cells
seam           levels of the mean step along one line of pixels
banding        octaves of the roughness of a channel's histogram
blocking       octaves of the mean step at one of the eight offsets modulo eight, against the others
grid           levels of the steps along lines that come again at every so many pixels, above those along other lines;
               of (Cb, Cr) 0.6 of them
alpha          levels, of the cell whose mean alpha moved most
range          lowest and highest value of float and 32-bit pictures, in 1/255 of the range between them
pixels         with both pictures at hand: luma's difference in the worst block of 8x8, in units of what noise and
               a shift of a fraction of a pixel explain
pixels_chroma  the same for (Cb, Cr) in blocks of 16x16
pixels_grid    as grid, of what differs between both pictures at hand
"""

MOVING: Mapping[str, float] = {"duration": 1.0, "frame_luma": 3.0, "frame_chroma": 1.5, "motion": 0.7, "order": 0.6}
"""Animations and video. In brackets what the re-encodings of VIDEO_FRAMES moved most.

duration      milliseconds of any one frame; WEBP and GIF round what APNG keeps as a fraction.
frame_luma    levels of the cell of the 4x4 map of luma that moved most in any frame (1.2); smooth drift that no one
              sees moves whole pictures by 2.
frame_chroma  levels, length of the movement of mean Cb and Cr of any frame (0.7; 1.4 between presets of AV1).
motion        octaves, by which the change from any frame to the next became larger or smaller (0.44; 0.62).
order         octaves, by which the ratio of the change over two frames to that over one became larger or smaller
              (0.38; 0.56).
"""

VIDEO_FRAMES: Mapping[str, float] = {"energy": 2.0, "energy_local": 1.9, "seam": 1.5, "grid": 2.0}
"""What limits of still pictures are multiplied by for the sampled frames of video.

Encoders spend their bits on other places with every version, preset and number of threads. Over 20 shots at
ComfyUI's settings (H.264 crf 23, VP9 and AV1 crf 32), crf one step up or down, other presets and numbers of threads
moved energy by up to 0.40, energy_local by 0.24 and seam by 3.5, and all else by less than limits of stills allow.
"""

AUDIO: Mapping[str, float] = {
    "length": 75.0,
    "loudness": 0.7,
    "momentary": 1.0,
    "spectrum": 1.25,
    "background": 2.0,
    "spectrogram": 1.5,
    "pitch": 8.0,
    "gap": 8.0,
    "click": 6.0,
    "crest": 0.5,
    "balance": 1.0,
    "phase": 0.5,
}
"""Sound, and the sound tracks of videos. The largest harmless value, in brackets, was measured over twenty sounds
(music, chords, speech, beats, noise, a tone) encoded as MP3 (V0, 320k) and Opus (128k and more), resampled,
dithered, 0.1 dB louder, with noise of -80 dBFS and with up to 45 ms of silence added.

length       milliseconds (50, an encoder's delay and padding where they are not cut off).
loudness     LU of the integrated loudness, ITU-R BS.1770 (0.46).
momentary    LU of any 400 ms, after the change as a whole (0.34); less than 1 is not heard.
spectrum     dB of a band's mean power over time, after the same (0.6; with a delay of up to 25 ms 1.5 in a sound of
             half a second and 2.1 in a tone that starts at full level, which are beyond the limit); less than 1
             is not heard.
background   dB of what a band has in the quietest 15 % of the time (0.4).
spectrogram  dB that 3x3 cells of time and mel bands moved in the mean, beyond what a delay of 30 ms explains (1.0).
pitch        per cent of the sound on other quarter-tones in eight cells of time (0.9; 6.9 with a delay of 25 ms).
gap          dB that the quietest 10 ms of a cell went down, or up (5.1).
click        dB that the treble of the sharpest 2 ms of a cell went up, or down (3.7).
crest        dB of the level that 0.1 % of the samples exceed, above the mean level (0.26).
balance      dB between left and right, in one of eight bands and eight cells of time (0.5; MP3 at 192k 1.0).
phase        correlation of left and right, -1 to 1, in the same (0.06; AAC 0.35).
"""

TEXT: Mapping[str, float] = {"numbers": 1e-3}
"""Numbers in texts that are compared by the rule `numbers`, where the rule says no limit of its own.

numbers     share of the larger of the two. Figures that come of half precision carry 11 bits, so that two ways to
            round are up to 1/1024 apart.
"""

LATENT: Mapping[str, float] = {
    "latent_shift": 0.006,
    "latent_gain": 0.016,
    "latent_range": 0.045,
    "latent_detail": 0.005,
    "latent_local": 0.15,
    "latent_cosine": 0.0012,
}
"""Latents, of the tensor and channel that moved most. In standard deviations of the channel where it says so.

About 1.5 times what harmless changes do at most over 36 latents of twelve shapes: rounding to half precision or
bfloat16, and normal noise, white or smooth, of 1 % of the standard deviation, as another card makes it.

latent_shift   standard deviations that a channel's mean moved. Harmless up to 0.004.
latent_gain    share by which a channel's standard deviation moved. Harmless up to 0.0104.
latent_range   standard deviations that the lowest or highest value moved. Harmless up to 0.028.
latent_detail  share by which the steps between neighbours, in standard deviations, moved. Harmless up to 0.003.
latent_local   standard deviations that the mean of one cell of the map moved. Harmless up to 0.10.
latent_cosine  how far the cosine of the two maps is below 1. Harmless up to 0.0008; another seed is near 1.
"""

MODEL: Mapping[str, float] = {
    "model_bounds": 0.4,
    "model_area": 1.0,
    "model_volume": 1.5,
    "model_faces": 15.0,
    "model_vertices": 15.0,
    "model_surface": 1.8,
    "model_local": 22.0,
    "model_tint": 6.0,
}
"""3D models, in percent, but for colours.

About 1.5 times what harmless changes do at most over nine shapes: another order of vertices and faces, half precision,
every twentieth face split, 4 % fewer segments, noise of 0.05 % of the diagonal, 0.3 % larger.

model_bounds    of the diagonal that a side of the bounding box moved. Harmless up to 0.21.
model_area      of the area. Harmless up to 0.6; noise on the densest shapes wrinkles them by 0.46.
model_volume    of the volume enclosed. Harmless up to 0.9.
model_faces     of the number of faces, model_vertices of that of distinct places. Harmless up to 10.
model_surface   of the surface that moved to another cell of a view. Harmless up to 1.2, of which points that lie
                elsewhere on the same surface are 0.6.
model_local     by which a cell of a view gained or lost surface, of what a cell has. Harmless up to 15.
model_tint      levels (0-255), Euclidean over R, G and B, of an eighth of the cube or a cell of a texture; as of
                pictures.
"""

SPLAT: Mapping[str, float] = {
    "splat_count": 3.0,
    "splat_mass": 2.0,
    "splat_bounds": 0.4,
    "splat_views": 1.5,
    "splat_local": 22.0,
    "splat_opacity": 1.3,
    "splat_contrast": 1.0,
    "splat_size": 4.0,
    "splat_shape": 1.0,
    "splat_stretch": 3.0,
    "splat_tint": 4.0,
    "splat_gloss": 3.0,
}
"""Gaussian splats, in percent, but for colours. The mass of a splat is its opacity; a part is an eighth of the cube.

About 1.5 times what harmless changes do at most over six scenes of 3,000 to 20,000 splats: another order, half
precision, one in a hundred left out, places moved by 0.05 % of the diagonal, opacities and colours by 1 %, sizes by
2 %.

splat_count     of the number of splats, splat_mass of the sum of their opacities. Harmless up to 1.2.
splat_bounds    of the diagonal that a side of the box around all but 1 % of the mass moved. Harmless up to 0.07; one
                splat in a thousand that floats far away moves it by 0.31.
splat_views     of the mass that moved to another cell of a view. Harmless up to 0.86.
splat_local     by which a cell of a view gained or lost mass, of what a cell has. Harmless up to 15.
splat_opacity   by which the mean opacity of a part moved. Harmless up to 0.89.
splat_contrast  by which the standard deviation of the opacities moved. Harmless up to 0.1.
splat_size      by which the mean size of a part's splats moved, a mean of logarithms. Harmless up to 2.5.
splat_shape     of the trace, by which the mean covariance of a part moved. Harmless up to 0.41.
splat_stretch   by which the mean ratio of the longest axis to the shortest moved. Harmless up to 0.1.
splat_tint      levels (0-255), Euclidean over R, G and B, of a part. Harmless up to 2.2.
splat_gloss     by which the mean of what colours change with the side they are seen from moved. Harmless up to 0.02.
"""

SVG: Mapping[str, float] = {"svg_place": 0.3, "svg_number": 2.0, "svg_colour": 3.0}
"""SVG, of the value that moved most: about 1.5 times what writing a drawing with two digits does.

svg_place   percent of the longer side of the picture. Steps of a path add up: harmless up to 0.22, after forty of
            them in a picture of 24 units.
svg_number  percent of the larger of the two, for opacities, widths of strokes, turns and scales. Harmless up to 1.3.
svg_colour  levels (0-255), Euclidean over R, G, B and alpha. Rounding all three otherwise is 1.7.
"""

NORMAL_LIMITS: Mapping[str, float] = {**IMAGE, **MOVING, **AUDIO, **TEXT, **LATENT, **MODEL, **SPLAT, **SVG}
"""Every part's limit at `normal`, by name, in the part's own unit."""


def rank(name: str, part: Part) -> tuple[float, float]:
    """Order parts by distance; by what `normal` would say where a limit of 0 makes all distances infinite."""
    return part.distance, part.value / NORMAL_LIMITS[name]
