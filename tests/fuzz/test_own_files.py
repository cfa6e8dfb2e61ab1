"""Spoiled inputs of users: configuration, questions to the API, fleets, and the state file."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from shutil import copyfile
from typing import Final
from urllib.parse import parse_qsl

import pytest

from exporter.cli._options import UsageError
from exporter.cli.estimate import _lines
from exporter.core.errors import ConfigError, StoreError
from exporter.engine.store import Store
from exporter.exposition.query import QueryError, parse_query
from exporter.settings.load import load
from tests.fixtures.state.make import FOLDER
from tests.fuzz.budget import inputs
from tests.fuzz.mutate import ODD, spoiled

SHORT: Final = 1.0
LONG: Final = 60.0
CONFIG: Final = b"""\
listen: 127.0.0.1:9180
poll_interval: 5m
state: carbon.db
tags: [team, env]
providers:
  - kind: aws
    regions: [eu-west-1, eu-west-3]
    role_arn: arn:aws:iam::123456789012:role/carbon
    external_id: "0012"
  - {kind: gcp, projects: [shop-123456]}
  - host
grids:
  - kind: neso
    region: 13
  - &energy {kind: energy_charts, requests_per_minute: 2}
  - <<: *energy
    kind: entsoe
"""
QUESTION: Final = (
    b"provider=aws&state=running&tag=team%3Dshop&sort=-power&limit=20&region=eu-west-1"
)
FLEET: Final = (
    "type,count,provider,region,cpu,hours\n"
    'm5.large,3,aws,eu-west-1,40%,730\n"n2-standard-4",,gcp,"Zürich, Schweiz",,\n'
).encode()


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["short", "long"])
def seconds(request: pytest.FixtureRequest) -> float:
    return LONG if request.param else SHORT


def test_spoiled_configuration(seconds: float, tmp_path: Path) -> None:
    path = tmp_path / "carbon.yml"
    for random in inputs(seconds):
        path.write_bytes(spoiled(CONFIG, random))
        with suppress(ConfigError):
            load(path, {})


def test_spoiled_questions(seconds: float) -> None:
    for random in inputs(seconds):
        text = spoiled(QUESTION, random).decode("utf-8", "surrogateescape")
        with suppress(QueryError):
            query = parse_query(parse_qsl(text, keep_blank_values=True), ("team",))
            assert 1 <= query.limit <= 10_000


def test_spoiled_fleets(seconds: float, tmp_path: Path) -> None:
    path = tmp_path / "fleet.csv"
    for random in inputs(seconds):
        path.write_bytes(spoiled(FLEET, random))
        with suppress(UsageError):
            for place, cells in _lines(path):
                assert place > 1
                assert all(isinstance(cell, str) for cell in cells.values())


def test_spoiled_rows_of_the_state_file(seconds: float, tmp_path: Path) -> None:
    newest = max(FOLDER.glob("schema*.db"))
    for number, random in enumerate(inputs(seconds)):
        path = tmp_path / f"{number}.db"
        copyfile(newest, path)
        spoil_rows(path, random)
        with suppress(StoreError), closing(Store.open(path)) as store:
            store.load()
        for left in tmp_path.glob(f"{number}.db*"):
            left.unlink()


def spoil_rows(path: Path, random: Random) -> None:
    """Put something odd into a cell of any table."""
    with closing(sqlite3.connect(path)) as connection, connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        table = random.choice([name for (name,) in tables if not name.startswith("sqlite_")])
        columns = list(connection.execute(f"PRAGMA table_info({table})"))
        keys = ", ".join(str(column[1]) for column in columns if column[5]) or "rowid"
        rows = connection.execute(f"SELECT {keys} FROM {table}").fetchall()  # noqa: S608 - ours
        if not rows:
            return
        row = random.choice(rows)
        odd = [one for one in ODD if isinstance(one, str | float | None) and one != "\ud800"]
        value = random.choice([*odd, b"\x00\xff", -1, 2**62, "{}", "[1]", "null"])
        column = random.choice(columns)[1]
        places = ", ".join("?" for _ in row)
        with suppress(sqlite3.IntegrityError):
            connection.execute(
                f"UPDATE {table} SET {column} = ? WHERE ({keys}) = ({places})",  # noqa: S608 - ours
                (value, *row),
            )
