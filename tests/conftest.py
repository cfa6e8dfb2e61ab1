"""Settings that hold for the whole suite."""

from hypothesis import settings

# A shared machine may stall any single example: slowness is for bench/, not for tests.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
