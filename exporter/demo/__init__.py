"""A simulated estate with exact ground truth, spoken in each API's wire protocol."""
