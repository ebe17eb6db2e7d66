"""Entries recorded by the ledger against pgbench and against a naive ledger."""
