import gzip
import json
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.demo.aws import AwsFake, access_key_id
from exporter.demo.aws.wire import element, nested, read_token, write_token
from exporter.demo.estate import Estate, EstateMachine
from tests.demo.aws.asking import START, query


def signed(fake: AwsFake) -> dict[str, str]:
    scope = f"{access_key_id(fake.accounts[0])}/20260302/eu-west-1/monitoring/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=demo"}


def post(fake: AwsFake, body: bytes, **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection(urlsplit(fake.url).netloc, timeout=5)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", "/", body, named)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_bodies_may_be_compressed(fake: AwsFake, web: EstateMachine) -> None:
    body = {
        "MetricDataQueries": [query(web.resource_id)],
        "StartTime": START - 3600,
        "EndTime": START - 1800,
    }
    status, text = post(
        fake,
        gzip.compress(json.dumps(body).encode()),
        Content_Encoding="gzip",
        X_Amz_Target="GraniteServiceVersion20100801.GetMetricData",
        **signed(fake),
    )
    assert status == 200
    assert len(json.loads(text)["MetricDataResults"][0]["Values"]) == 6


FORM = {
    "Action": "GetMetricData",
    "Version": "2010-08-01",
    "StartTime": "2026-03-02T11:00:00Z",
    "EndTime": "2026-03-02T11:30:00Z",
    "MetricDataQueries.member.1.Id": "q0",
    "MetricDataQueries.member.1.MetricStat.Metric.Namespace": "AWS/EC2",
    "MetricDataQueries.member.1.MetricStat.Metric.MetricName": "CPUUtilization",
    "MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Name": "InstanceId",
    "MetricDataQueries.member.1.MetricStat.Period": "300",
    "MetricDataQueries.member.1.MetricStat.Stat": "Average",
}


def test_the_query_protocol_gives_the_same_values(
    fake: AwsFake, estate: Estate, web: EstateMachine
) -> None:
    value = {
        "MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Value": web.resource_id
    }
    status, text = post(fake, urlencode(FORM | value).encode(), **signed(fake))
    names = {"cw": "http://monitoring.amazonaws.com/doc/2010-08-01/"}
    document = ET.fromstring(text)  # noqa: S314 - our own fake wrote it
    values = document.findall(".//cw:Values/cw:member", names)
    mean = estate.mean_utilization(web, START - 2100, START - 1800)
    assert status == 200
    assert len(values) == 6
    assert float(values[0].text or "") / 100 == pytest.approx(mean, rel=1e-15)


def test_the_query_protocol_refuses_in_xml(fake: AwsFake) -> None:
    status, text = post(
        fake, urlencode(FORM | {"EndTime": FORM["StartTime"]}).encode(), **signed(fake)
    )
    assert status == 400
    assert b"<Type>Sender</Type><Code>ValidationError</Code>" in text


def test_a_request_without_signature_is_refused(fake: AwsFake) -> None:
    status, text = post(fake, b"Action=GetMetricData")
    assert status == 403
    assert b"MissingAuthenticationToken" in text


@given(start=st.floats(0, 1e10), offset=st.integers(0, 10**6))
@settings(deadline=None)
def test_a_token_gives_back_what_was_put_in(start: float, offset: int) -> None:
    token = write_token(start, offset)
    assert read_token(token, 2) == (start, offset)
    with pytest.raises(ValueError, match="2 numbers"):
        read_token(token, 3)


@given(value=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cn", "Cs"])))
@settings(deadline=None)
def test_any_text_survives_xml(value: str) -> None:
    text = element("a", {"b": f"\r\n\t{value}"})
    assert (ET.fromstring(text).findtext("b") or "") == f"\r\n\t{value}"  # noqa: S314 - our own


def test_keys_of_query_protocols_become_lists_and_dicts() -> None:
    pairs = [("A.1.N", "x"), ("A.1.V.2", "z"), ("A.1.V.1", "y"), ("B.member.1.C", "w"), ("D", "")]
    assert nested(pairs) == {"A": [{"N": "x", "V": ["y", "z"]}], "B": [{"C": "w"}], "D": ""}
