"""Scenarios by the thousand, from a seed: whatever is lost, doubled, late or shuffled, the books end the same."""
