"""Disputes: a card's bank takes a payment back, asks about it, or warns of it; and what we answer."""
