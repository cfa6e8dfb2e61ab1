"""How near the intensity that is computed from a generation mix comes to traced references."""
