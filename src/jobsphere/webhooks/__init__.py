"""The inbox of Stripe's events: store first, answer, then process with retries."""
