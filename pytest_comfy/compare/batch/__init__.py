"""Batches, the outputs of one node under one key, as ordered sets."""
