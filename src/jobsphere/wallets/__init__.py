"""What a person sees of the ledger: their wallet and the transactions on it."""
