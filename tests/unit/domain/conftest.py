"""How Hypothesis looks for counter-examples here: the same ones every time, and on a slow machine too."""

from hypothesis import HealthCheck, settings

# A counter-example found by chance would be a mystery elsewhere; whoever hunts for one sets another profile.
settings.register_profile("laws", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("laws")
