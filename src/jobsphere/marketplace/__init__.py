"""Jobs, offers and the escrow between a customer and a contractor. Knows nothing of Stripe or HTTP."""
