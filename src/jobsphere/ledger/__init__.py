"""Double-entry ledger: whose money it is. Only ``record`` changes balances."""
