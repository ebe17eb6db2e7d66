"""Stripe's own description of its API, and everything that was said to the sandbox held against it."""
