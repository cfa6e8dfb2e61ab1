"""A factor for a zone from its own series: the yearly value over the mean of a year."""
