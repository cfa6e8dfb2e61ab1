"""Whom verbs ask: what a source that failed is said to have done."""

from exporter.cli._asked import Trouble


def test_a_trouble_names_its_source_once() -> None:
    assert str(Trouble(collector="neso", message="neso: down")) == "neso: down"
    assert str(Trouble(collector="neso", message="down")) == "neso: down"
