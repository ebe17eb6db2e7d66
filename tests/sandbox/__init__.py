"""Behaviour of the sandbox, seen through the official SDK over HTTP."""
