"""Offers sent over HTTP."""
