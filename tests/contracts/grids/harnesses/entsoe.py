"""ENTSO-E's Transparency Platform on loopback: generation by type in XML, on both curves."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Final
from urllib.parse import parse_qs, urlsplit

from exporter.core.clock import epoch, from_epoch
from exporter.core.ports import Clock
from exporter.demo.grid import Fault, GridFake
from exporter.demo.grid.documents import Document, GridDocuments, lifecycle_mix
from exporter.grids.entsoe import AREAS
from tests.support.grids import Subject

CODES: Final = {"wind": "B19", "gas": "B04", "hard coal": "B05"}
MEGAWATTS: Final = 40_000.0
OTHER_AREA: Final = "10YNO-1--------2"
HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>'
NO_DATA: Final = (
    f'{HEAD}<Acknowledgement_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-1:ack:7:0">'
    "<Reason><code>999</code><text>No matching data found for Data item</text></Reason>"
    "</Acknowledgement_MarketDocument>"
)


class EntsoeDocuments(GridDocuments):
    """The document as text under ``xml``; gas is on curve A03, the rest on A01."""

    __slots__ = ()

    def build(self, target: str, fault: Fault | None) -> Document:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        assert parts.path == "/api"
        assert (query["documentType"], query["processType"]) == ("A75", "A16")
        assert query["securityToken"]
        start, end = _seconds(query["periodStart"]), _seconds(query["periodEnd"])
        starts = list(self.intervals(start, end, self.step, fault))
        if not starts or fault is Fault.NULLS:
            return {"xml": NO_DATA}
        series = "".join(self._series(fuel, query["in_Domain"], starts, fault) for fuel in CODES)
        consumption = series.replace("inBiddingZone", "outBiddingZone")
        namespace = "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0"
        body = f"<type>A75</type>{series}{consumption}"
        return {"xml": f'{HEAD}<GL_MarketDocument xmlns="{namespace}">{body}</GL_MarketDocument>'}

    def _series(self, fuel: str, area: str, starts: list[int], fault: Fault | None) -> str:
        zone = next(zone for zone, code in AREAS.items() if code == area)
        values = [
            lifecycle_mix(self.intensity(zone, start), zone=zone, plants=tuple(CODES)).get(
                fuel, 0.0
            )
            * MEGAWATTS
            for start in starts
        ]
        blocks = fuel == "gas"
        points = "".join(
            f"<Point><position>{position}</position><quantity>{value:.9f}</quantity></Point>"
            for position, value in _listed(values, blocks=blocks)
        )
        told = OTHER_AREA if fault is Fault.WRONG_ZONE else area
        return (
            f"<TimeSeries><inBiddingZone_Domain.mRID>{told}</inBiddingZone_Domain.mRID>"
            "<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>"
            f"<curveType>{'A03' if blocks else 'A01'}</curveType>"
            f"<MktPSRType><psrType>{CODES[fuel]}</psrType></MktPSRType>"
            f"<Period><timeInterval><start>{_iso(starts[0])}</start>"
            f"<end>{_iso(starts[-1] + self.step)}</end></timeInterval>"
            f"<resolution>PT{self.step // 60}M</resolution>{points}</Period></TimeSeries>"
        )


def _listed(values: list[float], *, blocks: bool) -> Iterator[tuple[int, float]]:
    """Number values from 1; on blocks leave out those that repeat the one before."""
    numbered = list(enumerate(values, start=1))
    if not blocks:
        yield from numbered
        return
    for _, same in groupby(numbered, key=lambda pair: pair[1]):
        yield next(same)


class XmlFake(GridFake):
    """Serves the text under ``xml`` as it is."""

    def written(self, document: Document) -> bytes:
        return str(document["xml"]).encode()


class XmlSubject(Subject):
    """A source that is answered in XML."""

    def fake(self, clock: Clock) -> GridFake:
        fake = XmlFake(self.intensity, clock)
        fake._documents = self.documents(
            intensity=self.intensity, clock=clock, zones=None, step=self.step
        )
        return fake


def _seconds(text: str) -> int:
    return int(epoch(datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC)))


def _iso(seconds: int) -> str:
    return from_epoch(seconds).strftime("%Y-%m-%dT%H:%MZ")


ENTSOE: Final = XmlSubject(
    kind="entsoe",
    zone="SE-SE3",
    settings={"token": "not-a-real-token"},
    step=900,
    documents=EntsoeDocuments,
    long_days=16,
)
SUBJECTS: Final = (ENTSOE,)
