"""From a snapshot to bytes: metrics, JSON, the live page."""
