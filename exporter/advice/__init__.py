"""Where, when and how much: pure functions over intensities. Imports the domain only."""
