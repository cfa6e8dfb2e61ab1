"""The domain: units, records, ports and errors. Imports nothing of ours."""
