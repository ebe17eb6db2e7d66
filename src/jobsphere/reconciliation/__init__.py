"""Our books against themselves (and, later, against Stripe's)."""
