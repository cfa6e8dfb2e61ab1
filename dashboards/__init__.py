"""Grafana dashboards and the Prometheus configuration of the demo stack."""
