"""Upgrade day: what changed between two servers, or since a golden run was approved, and what did it."""
