"""Adapters that exist for tests of the configuration only."""
