"""What every HTTP adapter shares: deadlines, size limits, retries, kept answers and secrets."""
