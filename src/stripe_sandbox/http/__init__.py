"""Stripe's manners over HTTP: forms, parameters, errors, lists, expansion, idempotency, faults."""
