"""Refunds: money of a deposit back to its card."""
