"""A ComfyUI for the session: started, waited for, and ended with all that it started, whatever becomes of pytest."""
