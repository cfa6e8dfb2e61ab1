"""The configurations of the compose demo, with the addresses of this machine in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
DEMO: Final = ROOT / "dashboards/demo"


def prometheus(addresses: Mapping[str, str]) -> str:
    """Return dashboards/demo/prometheus.yml for this machine.

    ``addresses`` leads from the targets of the compose demo to those here. A target that is not in
    it is left out, and with Alertmanager's all that is sent there.
    """
    config = _load(DEMO / "prometheus.yml")
    config["rule_files"] = [str(DEMO / pattern) for pattern in config["rule_files"]]
    config["scrape_configs"] = _here(config["scrape_configs"], addresses)
    alerting = config["alerting"]
    alerting["alertmanagers"] = _here(alerting["alertmanagers"], addresses)
    return yaml.safe_dump(config, sort_keys=False)


def alertmanager(receiver: str) -> str:
    """Return dashboards/demo/alertmanager.yml with the receiver at ``host:port``."""
    config = _load(DEMO / "alertmanager.yml")
    for target in config["receivers"]:
        for webhook in target["webhook_configs"]:
            webhook["url"] = webhook["url"].replace("receiver:8080", receiver)
    return yaml.safe_dump(config, sort_keys=False)


def _here(sections: list[dict[str, Any]], addresses: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the sections with targets here; those without any are left out."""
    for section in sections:
        for group in section["static_configs"]:
            group["targets"] = [addresses[t] for t in group["targets"] if t in addresses]
    return [s for s in sections if any(group["targets"] for group in s["static_configs"])]


def _load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded
