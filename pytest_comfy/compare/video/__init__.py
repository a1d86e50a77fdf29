"""Video by PyAV (MP4, MOV, WEBM, MKV)."""
