"""From a workflow file to what is asked: its sidecar, what holds for each case, uploads and the conversion."""
