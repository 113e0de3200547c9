"""Paired comparisons, bootstrap, significance, bounds and Pareto fronts."""
