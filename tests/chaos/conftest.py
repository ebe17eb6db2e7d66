"""Chaos is played on the running whole of the journeys."""

from tests.journeys.conftest import jobsphere, settings

__all__ = ["jobsphere", "settings"]
