"""From samples to durable totals: collect, estimate, account, store."""
