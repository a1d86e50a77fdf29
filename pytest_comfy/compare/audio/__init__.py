"""Compare sound: WAV, FLAC, MP3, Opus and whatever else PyAV reads."""
