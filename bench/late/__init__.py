"""What a grid whose values come late costs in grams, with repricing and without."""
