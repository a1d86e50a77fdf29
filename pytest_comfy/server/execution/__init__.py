"""What a prompt does once it is posted: queue, cache, and the replay of a script."""
