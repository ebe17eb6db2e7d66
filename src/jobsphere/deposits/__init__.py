"""Deposits: card to wallet."""
