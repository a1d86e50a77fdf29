"""Does the fake server answer as ComfyUI did? Every scenario of the captures, against a server loaded from them.

`tests/captures/VERSION/*.json.gz` is what real servers of three versions said, 26 or 30 scenarios each, made
one after another in one server life; `python -m tests.conformance.capture URL OUT` records those of any real server.
For each version one fake server plays that life through, in the recorded order: the client's side is replayed over real
sockets, and all that comes back is compared up to renaming (`compare.py`, which lists in one table what is compared
less strictly, and why). When the client did what, and where the runs have to stand meanwhile, is read off each
capture (`effects.py`, `plan.py`). One test per scenario and version.

`CAPTURES=DIR[:DIR]` adds folders of captures in the same format (see `captures.py`), one server life each,
whatever the version: a server that does not do as they say fails here.
"""
