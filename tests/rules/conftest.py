"""Laws are looked at without a stop-watch: how long one example takes on a busy machine says nothing of a rule."""

from hypothesis import HealthCheck, settings

settings.register_profile("rules", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rules")
