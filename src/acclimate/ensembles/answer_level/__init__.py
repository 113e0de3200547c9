"""Combined by whole answers: votes, cascades, pipelines."""
