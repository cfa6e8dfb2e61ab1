"""Requests and answers of the three AWS protocols: EC2 query, plain query, JSON 1.0."""

import gzip
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from exporter.demo._http import Headers, Reply

_CREDENTIAL: Final = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_XML: Final = "text/xml;charset=UTF-8"
_JSON: Final = "application/x-amz-json-1.0"
_NAMESPACES: Final[Mapping[str, str]] = {
    "ec2": "http://ec2.amazonaws.com/doc/2016-11-15/",
    "rds": "http://rds.amazonaws.com/doc/2014-10-31/",
    "monitoring": "http://monitoring.amazonaws.com/doc/2010-08-01/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}


class WireProtocol(StrEnum):
    """How a request is written and its answer expected."""

    EC2 = "ec2"
    QUERY = "query"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: where its signature points to, and what it asks.

    ``params`` is nested the way JSON is, for all protocols; scalars of query protocols are text.
    ``account`` is empty while nobody has looked up who owns the access key.
    """

    service: str
    region: str
    access_key: str
    operation: str
    protocol: WireProtocol
    params: Mapping[str, Any] = field(default_factory=dict)
    account: str = ""


class Code(StrEnum):
    """Error codes for requests that no service would accept."""

    DB_NOT_FOUND = "DBInstanceNotFound"
    INVALID_ACTION = "InvalidAction"
    INVALID_COMBINATION = "InvalidParameterCombination"
    INVALID_INSTANCE_ID = "InvalidInstanceID.NotFound"
    INVALID_INSTANCE_TYPE = "InvalidInstanceType"
    INVALID_NEXT_TOKEN = "InvalidNextToken"  # noqa: S105 - an error code
    INVALID_PAGINATION_TOKEN = "InvalidPaginationToken"  # noqa: S105 - an error code
    INVALID_VALUE = "InvalidParameterValue"
    MISSING_SIGNATURE = "MissingAuthenticationToken"
    VALIDATION = "ValidationError"


@dataclass(frozen=True, slots=True)
class Entries:
    """A list whose entries have a name of their own in XML, as those of RDS."""

    name: str
    values: Sequence[object]


class AwsError(Exception):
    """An error as AWS names it."""

    def __init__(self, code: str, message: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def require(condition: object, code: Code, message: str) -> None:
    """Refuse a request unless a condition holds.

    Raises:
        AwsError: it does not hold.
    """
    if not condition:
        raise AwsError(code, message)


def read_call(headers: Headers, body: bytes) -> Call:
    """Read a request; the signature itself is not checked, the fake keeps no secrets.

    Raises:
        AwsError: the request is not signed.
    """
    scope = _CREDENTIAL.search(headers.get("Authorization", ""))
    if scope is None:
        message = "Request is missing Authentication Token"
        raise AwsError(Code.MISSING_SIGNATURE, message, HTTPStatus.FORBIDDEN)
    access_key, region, service = scope.groups()
    plain = gzip.decompress(body) if headers.get("Content-Encoding", "") == "gzip" else body
    protocol, operation, params = _content(service, headers.get("X-Amz-Target", ""), plain)
    return Call(
        service=service,
        region=region,
        access_key=access_key,
        operation=operation,
        protocol=protocol,
        params=params,
    )


def _content(service: str, target: str, body: bytes) -> tuple[WireProtocol, str, Mapping[str, Any]]:
    if target:
        return WireProtocol.JSON, target.rsplit(".", 1)[-1], json.loads(body or b"{}")
    params = nested(parse_qsl(body.decode(), keep_blank_values=True))
    protocol = WireProtocol.EC2 if service == "ec2" else WireProtocol.QUERY
    return protocol, str(params.get("Action", "")), params


def nested(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Turn ``Filter.1.Name=x`` and ``Queries.member.1.Id=y`` into the dicts and lists they mean."""
    tree: dict[str, Any] = {}
    for key, value in pairs:
        *path, leaf = key.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[leaf] = value
    return {key: _listed(value) for key, value in tree.items()}


def _listed(node: object) -> object:
    if not isinstance(node, dict):
        return node
    if set(node) == {"member"}:
        return _listed(node["member"])
    if node and all(key.isdigit() for key in node):
        return [_listed(node[key]) for key in sorted(node, key=int)]
    return {key: _listed(value) for key, value in node.items()}


def answer(call: Call, result: Mapping[str, object], request_id: str) -> Reply:
    """Write a successful answer in the protocol of the request."""
    if call.protocol is WireProtocol.JSON:
        return Reply(status=HTTPStatus.OK, content_type=_JSON, body=json.dumps(result).encode())
    name, attribute = f"{call.operation}Response", f' xmlns="{_NAMESPACES[call.service]}"'
    if call.protocol is WireProtocol.EC2:
        inner = element("requestId", request_id) + _children(result, "item")
    else:
        inner = element(f"{call.operation}Result", result, "member") + element(
            "ResponseMetadata", {"RequestId": request_id}
        )
    return _xml_reply(HTTPStatus.OK, f"<{name}{attribute}>{inner}</{name}>")


def refusal(protocol: WireProtocol, error: AwsError, request_id: str) -> Reply:
    """Write an error in the protocol of the request."""
    if protocol is WireProtocol.JSON:
        text = json.dumps({"__type": f"com.amazonaws.demo#{error.code}", "message": str(error)})
        return Reply(status=error.status, content_type=_JSON, body=text.encode())
    told = {"Code": error.code, "Message": str(error)}
    if protocol is WireProtocol.EC2:
        content: Mapping[str, object] = {"Errors": {"Error": told}, "RequestID": request_id}
        return _xml_reply(error.status, element("Response", content))
    kind = "Receiver" if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "Sender"
    content = {"Error": {"Type": kind, **told}, "RequestId": request_id}
    return _xml_reply(error.status, element("ErrorResponse", content))


def _xml_reply(status: int, document: str) -> Reply:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'
    return Reply(status=status, content_type=_XML, body=text.encode())


def element(name: str, value: object, item: str = "item") -> str:
    """Write a value as XML; entries of lists are named ``item``, and None leaves nothing."""
    if value is None:
        return ""
    return f"<{name}>{_content_of(value, item)}</{name}>"


def _content_of(value: object, item: str) -> str:
    if isinstance(value, Mapping):
        return _children(value, item)
    if isinstance(value, Entries):
        return "".join(element(value.name, entry, item) for entry in value.values)
    if isinstance(value, list | tuple):
        return "".join(element(item, entry, item) for entry in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value), {"\r": "&#13;"})


def _children(values: Mapping[str, object], item: str) -> str:
    return "".join(element(name, value, item) for name, value in values.items())


def write_token(*numbers: float) -> str:
    """Write a paging token: opaque to clients, all that the next page needs."""
    return urlsafe_b64encode(":".join(repr(number) for number in numbers).encode()).decode()


def read_token(token: str, count: int) -> tuple[float, ...]:
    """Read a token of so many numbers.

    Raises:
        ValueError: the token is not one of ours.
    """
    numbers = tuple(float(part) for part in urlsafe_b64decode(token).decode().split(":"))
    if len(numbers) != count:
        message = f"a token of {len(numbers)} numbers"
        raise ValueError(message)
    return numbers
