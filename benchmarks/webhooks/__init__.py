"""Webhooks acknowledged by the real application against an application that answers a constant."""
