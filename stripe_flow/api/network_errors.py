"""Why no whole answer arrived: the errors of an exchange, and their causes in plain words."""

from __future__ import annotations

import re
import socket

import requests


class NetworkTrouble(Exception):
    """No whole answer. The text says why, without the URL: its query may name a person."""


class NothingSent(NetworkTrouble):
    """The open connection was closed, or Stripe's last answer is too old, and nothing was sent."""


_DESCRIPTIONS: tuple[tuple[type[requests.RequestException], str], ...] = (
    (
        requests.exceptions.SSLError,
        "TLS failed: the certificate is not trusted (set REQUESTS_CA_BUNDLE to a file that also has the proxy's)",
    ),
    (requests.exceptions.ConnectTimeout, "no connection in time"),
    (requests.exceptions.ReadTimeout, "no answer in time"),
    (requests.exceptions.ChunkedEncodingError, "the answer was cut off"),
    (requests.exceptions.ContentDecodingError, "the answer was garbled"),
)


# The wording of the standard library.
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


def describe(error: requests.RequestException) -> str:
    """The cause in plain words, without the URL; the class name of an error that is not known here."""
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy that HTTPS_PROXY names failed ({_describe_proxy_error(error)})"
    for kind, description in _DESCRIPTIONS:
        if isinstance(error, kind):
            return description
    return _describe_system_error(error) or (
        "the connection broke" if isinstance(error, requests.ConnectionError) else type(error).__name__
    )


def _describe_proxy_error(error: requests.RequestException) -> str:
    """A proxy's answer is named by its status only: its text may say anything."""
    for cause in _collect_causes(error):
        if http_status := _TUNNEL.search(str(cause)):
            return f"it answered HTTP {http_status[1]}" + (
                ": it requires a user and a password" if http_status[1] == "407" else ""
            )
    return _describe_system_error(error) or "it could not be reached"


def _describe_system_error(error: requests.RequestException) -> str:
    for cause in _collect_causes(error):
        if isinstance(cause, socket.gaierror):
            return "the host name could not be resolved"
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror.lower()
    return ""


def _collect_causes(error: BaseException) -> list[BaseException]:
    """`error` and the exceptions packed into it: urllib3 keeps them in `reason`, `args` and the context."""
    causes: list[BaseException] = []
    pending: list[object] = [error]
    while pending and len(causes) < 20:  # the depth is three or four; a cycle must end
        current = pending.pop(0)
        if isinstance(current, BaseException) and current not in causes:
            causes.append(current)
            pending += [getattr(current, "reason", None), current.__cause__, current.__context__, *current.args]
    return causes
