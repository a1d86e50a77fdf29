"""The one flow: a case runs, and its outputs are judged against its golden run."""
