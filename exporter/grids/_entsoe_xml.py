"""Generation by type in ENTSO-E's XML (document A75, process A16), as megawatts over time. Pure.

The parser refuses every document type declaration, so that no entity can be defined or expanded;
the size of a document is limited by the HTTP client, its times by the window that is asked for.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final, NamedTuple, NoReturn
from xml.etree import ElementTree as ET

from exporter.core.errors import NoDataError
from exporter.grids._payload import ShapeError, as_instant

RESOLUTIONS: Final[Mapping[str, int]] = {"PT15M": 900, "PT30M": 1800, "PT60M": 3600}
"""Seconds of a market time unit."""
DOCUMENT: Final = "GL_MarketDocument"
REFUSAL: Final = "Acknowledgement_MarketDocument"
GENERATION_BY_TYPE: Final = "A75"
MEGAWATTS: Final = "MAW"
BLOCKS: Final = "A03"
CURVES: Final = frozenset({"A01", BLOCKS})
"""A01 lists every interval; A03 leaves out those whose value repeats the one before."""
NOTHING_FOUND: Final = "No matching data found"
"""Code 999 also stands for other refusals: only its text tells that there is no data."""

_POSITION: Final = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
_QUANTITY: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)


class Run(NamedTuple):
    """Constant megawatts of one production type over ``[start, end)`` epoch seconds."""

    code: str
    start: int
    end: int
    megawatts: float


class Generation(NamedTuple):
    """What one area generated; ``step`` is the shortest interval in the document, in seconds."""

    step: int
    runs: tuple[Run, ...]


class _Builder(ET.TreeBuilder):
    def doctype(self, _name: str, _public: str | None, _system: str | None) -> NoReturn:
        message = "the document declares a type, which could define entities"
        raise ShapeError(message)


def read_generation(body: bytes, area: str) -> Generation:
    """Read a document of the area (its EIC code); consumption of storage and plants is left out.

    Raises:
        NoDataError: the platform says that it has none.
        ShapeError: not that document, area or unit, or not XML.
    """
    root = _parse(body)
    if _name(root) == REFUSAL:
        _refused(root)
    if _name(root) != DOCUMENT or _text(root, "type") != GENERATION_BY_TYPE:
        message = "the document is not actual generation by type (A75)"
        raise ShapeError(message)
    steps: set[int] = set()
    runs: list[Run] = []
    for series in _children(root, "TimeSeries"):
        if _find(series, "inBiddingZone_Domain.mRID") is None:
            continue  # outBiddingZone_Domain: what pumps, batteries and plants at rest consume
        for step, found in _periods(series, area):
            steps.add(step)
            runs += found
    return Generation(min(steps, default=max(RESOLUTIONS.values())), tuple(runs))


def by_interval(generation: Generation, start: int, end: int) -> dict[int, dict[str, float]]:
    """Spread megawatts over the intervals of the document's step in ``[start, end)``."""
    step = generation.step
    intervals: dict[int, dict[str, float]] = {}
    for run in generation.runs:
        first = max(run.start, start // step * step)
        for left in range(first, min(run.end, end), step):
            intervals.setdefault(left, {})[run.code] = run.megawatts
    return intervals


def expand(
    points: Mapping[int, float], start: int, end: int, step: int, *, blocks: bool
) -> Iterator[tuple[int, int, float]]:
    """Yield start, end and value of each point by its position from 1.

    Points that stand for ``blocks`` (curve A03) last until the next one or the end of the period.
    """
    ordered = sorted(points)
    for position, following in pairwise([*ordered, (end - start) // step + 1]):
        left = start + (position - 1) * step
        right = start + (following - 1) * step if blocks else left + step
        yield left, right, points[position]


def _parse(body: bytes) -> ET.Element:
    parser = ET.XMLParser(target=_Builder())  # noqa: S314 -- declarations are refused
    try:
        parser.feed(body)
        root: ET.Element = parser.close()
    except (ET.ParseError, ValueError, LookupError) as error:
        if isinstance(error, ShapeError):
            raise
        message = "the answer is broken off or is not XML"
        raise ShapeError(message) from error
    return root


def _refused(root: ET.Element) -> NoReturn:
    reasons = [_find(reason, "text") for reason in _children(root, "Reason")]
    if any((text.text or "").startswith(NOTHING_FOUND) for text in reasons if text is not None):
        message = "entsoe: the platform has no data for that time — wait, or check the zone"
        raise NoDataError(message)
    message = "the platform refuses the question"
    raise ShapeError(message)


def _periods(series: ET.Element, area: str) -> Iterator[tuple[int, list[Run]]]:
    if _text(series, "inBiddingZone_Domain.mRID") != area:
        message = "a series is of an area that was not asked for"
        raise ShapeError(message)
    if _text(series, "quantity_Measure_Unit.name") != MEGAWATTS:
        message = "a series is not in megawatts (MAW)"
        raise ShapeError(message)
    curve = _text(series, "curveType")
    if curve not in CURVES:
        message = f"unknown curve {curve[:20]!a}"
        raise ShapeError(message)
    code = _text(_only(series, "MktPSRType"), "psrType")
    for period in _children(series, "Period"):
        yield _period(period, code, blocks=curve == BLOCKS)


def _period(period: ET.Element, code: str, *, blocks: bool) -> tuple[int, list[Run]]:
    resolution = _text(period, "resolution")
    step = RESOLUTIONS.get(resolution)
    if step is None:
        message = f"unknown resolution {resolution[:20]!a}"
        raise ShapeError(message)
    interval = _only(period, "timeInterval")
    start = as_instant(_text(interval, "start"), "start")
    end = as_instant(_text(interval, "end"), "end")
    if start % step or end % step or end <= start:
        message = "a period is not made of whole intervals"
        raise ShapeError(message)
    points = _points(_children(period, "Point"), (end - start) // step)
    spans = expand(points, start, end, step, blocks=blocks)
    return step, [Run(code, left, right, value) for left, right, value in spans]


def _points(elements: Iterable[ET.Element], last: int) -> dict[int, float]:
    points: dict[int, float] = {}
    for element in elements:
        position, quantity = _text(element, "position"), _text(element, "quantity")
        if not _POSITION.fullmatch(position) or int(position) > last or int(position) in points:
            message = "a point has no place of its own in its period"
            raise ShapeError(message)
        if not _QUANTITY.fullmatch(quantity):
            message = "quantity is not a number of 0 or more"
            raise ShapeError(message)
        points[int(position)] = float(quantity)
    return points


def _name(element: ET.Element) -> str:
    """Name without namespace: its version differs between documents."""
    return element.tag.rpartition("}")[2]


def _children(element: ET.Element, name: str) -> list[ET.Element]:
    return [child for child in element if _name(child) == name]


def _find(element: ET.Element, name: str) -> ET.Element | None:
    return next((child for child in element if _name(child) == name), None)


def _only(element: ET.Element, name: str) -> ET.Element:
    found = _find(element, name)
    if found is None:
        message = f"{_name(element)[:40]!a} lacks {name}"
        raise ShapeError(message)
    return found


def _text(element: ET.Element, name: str) -> str:
    return (_only(element, name).text or "").strip()
