"""Every grid source on answers in the shape in which others recorded them: see README.md here."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
import stamina

from exporter.core import errors
from exporter.core.clock import epoch, from_epoch
from exporter.core.model import GridReading
from exporter.core.plugins import kinds, load
from exporter.data.fuels import fuel_factors
from exporter.demo._http import HttpRequest
from exporter.demo.grid.base import iso
from exporter.grids._shared.mix import priced
from exporter.grids.neso import FACTORS as NESO_FACTORS
from tests.support.clock import ManualClock
from tests.support.grid_script import GridScript
from tests.support.grids import context

FOLDER: Final = Path(__file__).parent / "grids"
CASES: Final = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
NOBODY_ANSWERS: Final = {"annual": "reads a table of ours", "demo": "asks our own simulation"}
READ: Final = sorted(name for name, case in CASES.items() if "error" not in case)
TOLD: Final = [name for name in READ if CASES[name].get("failures", ()) is not None]
"""A case whose failures are null leaves open whether an odd item is one."""
HERE: Final = {"neso": NESO_FACTORS}
"""Sources with a factor of their own."""


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


def fetched(case: Mapping[str, Any]) -> GridReading:
    """Ask the source of a case, which is answered as the case says."""
    answers = {path: (a.get("status", 200), body(a["body"])) for path, a in case["answers"].items()}
    clock = ManualClock(datetime.fromisoformat(case["now"]))
    module: Any = load("exporter.grids", case["source"])
    with GridScript(answers) as server:
        config = {"kind": case["source"], "base_url": server.url, **case["settings"]}
        (source,) = module.build(module.Config.model_validate(config), context(clock))
        with closing(source):
            reading: GridReading = source.fetch(
                [case["zone"]], seconds(case["from"]), seconds(case["to"])
            )
    return reading


def body(told: object) -> object:
    """Return an answer; XML stands in a file of its own."""
    if isinstance(told, str) and told.startswith("@"):
        return (FOLDER / told[1:]).read_text(encoding="utf-8")
    return told


def seconds(text: str) -> int:
    return int(epoch(datetime.fromisoformat(text)))


def grams(case: Mapping[str, Any], told: float | Mapping[str, float]) -> float:
    """Return the value itself, or that of a mix by our own names of fuels."""
    if isinstance(told, Mapping):
        return priced(told, HERE.get(case["source"], fuel_factors(case["zone"]))).central
    return told


@pytest.mark.parametrize("name", READ)
def test_what_can_be_read_is_read_and_nothing_else(name: str) -> None:
    case = CASES[name]
    reading = fetched(case)
    assert {point.zone for point in reading.points} <= {case["zone"]}
    found = {p.start: p.gco2eq_per_kwh for p in reading.points if not p.forecast}
    wanted = {seconds(at): grams(case, told) for at, told in case.get("points", {}).items()}
    assert found.keys() == wanted.keys()
    for start, value in wanted.items():
        assert found[start] == pytest.approx(value, rel=case.get("tolerance", 1e-9)), start
    assert [s.percentile for s in reading.standings] == case.get("standings", [])


@pytest.mark.parametrize("name", TOLD)
def test_what_cannot_be_read_is_told(name: str) -> None:
    wanted = CASES[name].get("failures", [])
    told = [str(failure) for failure in fetched(CASES[name]).failures]
    assert len(told) == len(wanted)
    assert all(re.search(part, line) for part, line in zip(wanted, told, strict=True)), told


@pytest.mark.parametrize("name", sorted(name for name in CASES if "error" in CASES[name]))
def test_an_answer_without_anything_readable_is_the_right_error(name: str) -> None:
    wanted = getattr(errors, CASES[name]["error"])
    with pytest.raises(errors.CollectorError) as caught:
        fetched(CASES[name])
    assert isinstance(caught.value, wanted), repr(caught.value)
    assert str(caught.value).startswith(CASES[name]["source"])


def test_every_source_has_a_recorded_answer_or_a_reason() -> None:
    recorded = {case["source"] for case in CASES.values()}
    assert recorded | NOBODY_ANSWERS.keys() == set(kinds("exporter.grids"))


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_case_says_where_its_shape_was_seen(name: str) -> None:
    assert len(CASES[name]["origin"]) > 20


def test_neso_is_asked_again_for_what_its_answer_ends_before() -> None:
    """Answers of a range end with the year of its start: api-definitions issue #12."""
    mix = [{"fuel": "gas", "perc": 30.0}, {"fuel": "wind", "perc": 70.0}]

    def answer(request: HttpRequest) -> object:
        first, last = (seconds(text) for text in request.path.rsplit("/", 2)[1:])
        turn = seconds(f"{from_epoch(first).year + 1}-01-01T00:00Z")
        starts = range(first, min(last, turn), 1800)
        rows = [{"from": iso(s), "to": iso(s + 1800), "generationmix": mix} for s in starts]
        return {"data": rows}

    start, end = seconds("2025-12-29T00:00Z"), seconds("2026-01-09T00:00Z")
    clock = ManualClock(datetime.fromisoformat("2026-01-10T12:10Z"))
    module: Any = load("exporter.grids", "neso")
    with GridScript(AnyPath(answer)) as server:
        server.answers = AnyPath(answer)
        config = module.Config.model_validate({"kind": "neso", "base_url": server.url})
        (source,) = module.build(config, context(clock))
        with closing(source):
            reading = source.fetch(["GB"], start, end)
    assert sorted(point.start for point in reading.points) == list(range(start, end, 1800))


class AnyPath(dict[str, Any]):
    """Answers every path alike."""

    def __init__(self, answer: Callable[[HttpRequest], object]) -> None:
        super().__init__()
        self._answer = answer

    def get(self, _path: str, _default: object = None) -> Any:  # noqa: ANN401 - an answer
        return self._answer
