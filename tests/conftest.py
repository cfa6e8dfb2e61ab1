"""Settings that hold for the whole suite."""

from hypothesis import settings

# A shared machine may stall any single example: slowness is for bench/, not for tests.
# `make test-all` and a hunt for a bug take --hypothesis-profile=thorough.
settings.register_profile("suite", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=100)
settings.load_profile("suite")
