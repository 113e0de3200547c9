"""What is ambient while something runs: cost, log, progress, cancellation, seeds."""
