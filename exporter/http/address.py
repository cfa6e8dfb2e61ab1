"""Addresses of APIs in the config: whole, without a secret in them, and safe where a key goes."""

import ipaddress
import string
from typing import Annotated

import httpx
from pydantic import AfterValidator


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_base_url(text: str) -> str:
    """Accept an address such as ``https://host/path`` and drop its trailing slash.

    Raises:
        ValueError: another scheme, no host, or a user, query or fragment in it.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError) as error:
        message = "write an address such as https://api.example.org"
        raise ValueError(message) from error
    if url.scheme not in {"http", "https"} or not url.host or set(text) & set(string.whitespace):
        message = "write an address that starts with https:// (or http://) and names a host"
        raise ValueError(message)
    if url.userinfo or url.query or url.fragment:
        message = "write the address without user, query or fragment"
        raise ValueError(message)
    return text.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(check_base_url)]
"""Address of an API in an adapter's config section."""


def _check_secure(text: str) -> str:
    url = httpx.URL(text)
    if url.scheme != "https" and not is_loopback(url.host):
        message = "keys are never sent in the clear: write https://, or an address on 127.0.0.1"
        raise ValueError(message)
    return text


SecureUrl = Annotated[BaseUrl, AfterValidator(_check_secure)]
"""Address of an API that gets a key."""
