"""What grid sources share, and nothing of a single one."""
