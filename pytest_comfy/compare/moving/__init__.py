"""Moving pictures, animations and video alike: what is kept of all their frames, and how two are compared.

animations  frames and durations of a picture file
frames      the one way from a frame to its fingerprint, and how frames are spoken of
look        one frame reduced to a few numbers
trace       the numbers of every frame, thinned where there are very many
summary     one pass over the frames: samples, trace and durations
comparing   two summaries
movement    how far two traces lie apart
count       which frames are missing or new
faults      what happened to the frames, in words: black, frozen, swapped, reversed, missing
drawing     a picture of the frames that differ most
"""
