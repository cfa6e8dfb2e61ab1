"""The command line: one file a verb; ``main`` finds them. Files with an underscore help them."""
