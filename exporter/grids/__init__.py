"""Grid carbon intensity, one file for each source (file name = kind)."""
