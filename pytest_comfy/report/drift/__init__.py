"""Known drift: failures that an earlier report has as well, told apart from new ones."""
