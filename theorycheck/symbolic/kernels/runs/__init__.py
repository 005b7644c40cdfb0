"""Whole runs of stochastic methods on diagonal and residual networks, with their random words by address."""
