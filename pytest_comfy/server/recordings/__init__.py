"""What the server knows from recordings: which one answers a prompt, and what they tell of the server."""
