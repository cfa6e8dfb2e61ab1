"""How good the own forecast is, against guesses that need no model."""
