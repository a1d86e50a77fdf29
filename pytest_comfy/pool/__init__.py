"""Many servers, and the cases that are queued on them ahead of their turn."""
