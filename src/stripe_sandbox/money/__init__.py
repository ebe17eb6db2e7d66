"""Money held at Stripe: books, balances, transfers between accounts, payouts to banks."""
