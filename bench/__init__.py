"""Benchmarks: run by hand, never by the tests. See README.md."""
