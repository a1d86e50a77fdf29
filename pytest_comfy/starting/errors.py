"""What keeps a session from having a ComfyUI of its own."""

from __future__ import annotations

from ..session.given import SettingsError


class StartError(SettingsError):
    """No ComfyUI was started; the text is a sentence for the user, perhaps with the last lines of the server's log."""
