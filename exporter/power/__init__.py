"""The power model and its tables' loader."""
