"""A contractor's connected account at Stripe: opened once, completed at Stripe, watched ever after."""
