"""The routes of the fake server, and what they answer from."""
