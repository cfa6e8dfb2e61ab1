"""The dashboards: one module each, with one function ``build``."""
