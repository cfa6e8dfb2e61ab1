"""The simulated AWS against botocore's models of the real one: requests and answers alike."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from exporter.core.clock import epoch
from exporter.core.meter import ApiMeter
from exporter.core.model import Window
from exporter.demo._http import HttpRequest, Reply
from exporter.demo.aws import AwsFake, Limits, registry
from exporter.demo.aws.wire import Call, WireProtocol, read_call
from exporter.demo.estate import Estate, demo_estate
from tests.demo.aws.asking import NOON
from tests.support.clock import ManualClock
from tests.support.provider_aws import (
    ACCOUNT,
    EXTERNAL_ID,
    OTHER_ACCOUNT,
    build,
    credentials,
    usual_fleet,
)
from tests.support.provider_fakes import context_of
from tests.support.vendor_aws import (
    by_location,
    by_name,
    by_query_name,
    differences,
    from_xml,
    operation,
)

Asked = tuple[str, str]
Calls = list[tuple[Call, bytes]]
OF_THE_FUTURE = "x99z.4xlarge"
"""The type of the demo that no table knows, on purpose."""
NAMED: Mapping[WireProtocol, Any] = {
    WireProtocol.EC2: by_query_name,
    WireProtocol.QUERY: by_name,
    WireProtocol.JSON: by_name,
}


class Recorder(AwsFake):
    """A fake that keeps what it was asked and what it answered."""

    calls: Calls

    def reply(self, request: HttpRequest) -> Reply:
        answer = super().reply(request)
        if answer.status == 200:
            self.calls.append((read_call(request.headers, request.body), answer.body))
        return answer


def drive(estate: Estate, folder: Path, account: str, **settings: object) -> Calls:
    """Let the production adapter do all that it can with an estate."""
    clock = ManualClock(NOON + timedelta(seconds=30))
    few = Limits(instances=5, volumes=5, instance_types=5, databases=20, datapoints=2000)
    with Recorder(estate, clock, limits=few, external_ids={OTHER_ACCOUNT: EXTERNAL_ID}) as fake:
        fake.calls = []
        context = context_of(clock, ApiMeter())
        provider = build(context, fake.url, credentials(folder, account), **settings)
        end = int(epoch(NOON)) - 600
        provider.read(
            provider.discover().machines, Window(start=end - 3600, end=end, resolution=300)
        )
        provider.permissions()
        provider.close()
        return fake.calls


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Calls:
    folder = tmp_path_factory.mktemp("aws")
    demo = demo_estate().of("aws")
    role = {
        "role_arn": f"arn:aws:iam::{OTHER_ACCOUNT}:role/watcher",
        "external_id": EXTERNAL_ID,
    }
    return [
        *drive(demo, folder, demo.accounts[0], regions=None),
        *drive(usual_fleet(int(epoch(NOON))), folder, ACCOUNT, **role),
    ]


def operations() -> list[Asked]:
    """Every operation that a file of the fake answers, and the one that declares none."""
    return sorted({*registry.operations(), ("monitoring", "GetMetricData")})


@pytest.mark.parametrize("asked", operations(), ids=".".join)
def test_answers_are_of_the_shape_that_aws_publishes(calls: Calls, asked: Asked) -> None:
    bodies = [(c, body) for c, body in calls if (c.service, c.operation) == asked]
    assert bodies, "the adapter never asks it: ask it here, or drop it from the fake"
    shape = operation(*asked).output_shape
    found = {line for call, body in bodies for line in answered(call, body, shape)}
    assert sorted(line for line in found if OF_THE_FUTURE not in line)[:20] == []


def answered(call: Call, body: bytes, shape: Any) -> Iterator[str]:  # noqa: ANN401 - botocore's
    if call.protocol is WireProtocol.JSON:
        yield from differences(json.loads(body), shape, by_name, call.operation)
        return
    root = ET.fromstring(body)  # noqa: S314 - our own fake's
    if call.protocol is WireProtocol.QUERY:
        (root,) = (child for child in root if child.tag.endswith(f"}}{call.operation}Result"))
    document = from_xml(root, shape)
    document.pop("requestId", None)
    yield from differences(document, shape, by_location, call.operation)


@pytest.mark.parametrize("asked", operations(), ids=".".join)
def test_what_the_adapter_asks_is_of_the_shape_that_aws_publishes(
    calls: Calls, asked: Asked
) -> None:
    shape = operation(*asked).input_shape
    asked_for = [call for call, _ in calls if (call.service, call.operation) == asked]
    found = {
        line
        for call in asked_for
        for line in differences(told(call), shape, NAMED[call.protocol], call.operation)
    }
    assert sorted(found)[:20] == []


def told(call: Call) -> dict[str, Any]:
    return {name: value for name, value in call.params.items() if name not in {"Action", "Version"}}


def test_a_message_of_another_shape_is_found() -> None:
    shape = operation("rds", "DescribeDBInstances").output_shape
    wrong = {"DBInstances": [{"MultiAZ": "yes", "Invented": 1}, "text"], "Marker": 3}
    assert list(differences(wrong, shape, by_location)) == [
        ".DBInstances[0].MultiAZ: 'yes' is no boolean",
        ".DBInstances[0].Invented: DBInstance has no such member",
        ".DBInstances[1]: 'text' is no structure",
        ".Marker: 3 is no string",
    ]
    metrics = operation("monitoring", "GetMetricData")
    assert list(differences({"ScanBy": "Sideways"}, metrics.input_shape, by_name)) == [
        ".ScanBy: 'Sideways' is none of the values of ScanBy",
        ".EndTime: required, and missing",
        ".MetricDataQueries: required, and missing",
        ".StartTime: required, and missing",
    ]
