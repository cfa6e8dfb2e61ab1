"""How far off the power model is on servers that it has not seen."""
