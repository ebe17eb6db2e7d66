"""A Stripe that runs offline, for the unmodified official SDK."""
