"""How hypothesis runs here: a slow machine is no counter-example."""

from hypothesis import settings

settings.register_profile("rules", deadline=None)
settings.load_profile("rules")
