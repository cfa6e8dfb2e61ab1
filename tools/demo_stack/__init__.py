"""The demo with Prometheus, its rules and Alertmanager, without containers: ``make demo-stack``."""
