"""Tests of HTTP: bodies, errors, access, idempotency and the routes."""
