"""One pytest session: what it was told, what it keeps, and which files it looks at."""
