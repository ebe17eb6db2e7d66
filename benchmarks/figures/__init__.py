"""Figures that stand for themselves: seconds, megabytes and lost events, each with a most that it may be."""
