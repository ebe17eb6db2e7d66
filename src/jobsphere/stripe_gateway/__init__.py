"""The one door to Stripe: calls, their outcomes, Stripe's objects as ours, and signatures."""
