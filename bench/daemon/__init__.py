"""What the running daemon costs: its cycles, its memory and its scrapes, against bare calls."""
