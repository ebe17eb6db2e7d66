"""Withdrawals: wallet to bank, and the connected account that makes them possible."""
