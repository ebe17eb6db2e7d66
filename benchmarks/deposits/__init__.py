"""Deposits from Stripe's webhook to the credited wallet, against the handler that the guide shows."""
