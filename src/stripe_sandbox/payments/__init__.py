"""Money taken from cards and given back: customers, payment methods, payment intents, charges, refunds."""
