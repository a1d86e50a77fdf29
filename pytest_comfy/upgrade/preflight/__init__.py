"""What is known of a workflow before it runs: what breaks, what changed, and what makes runs differ by themselves."""
