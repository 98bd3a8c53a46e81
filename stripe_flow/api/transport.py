"""Bytes out, bytes in: the only place that touches `requests`."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy

from stripe_flow.api.connection import is_loopback
from stripe_flow.api.deadline import Limit, PlainPool, TlsPool, Watchdog
from stripe_flow.api.errors import Misconfigured


class NetworkTrouble(Exception):
    """No whole answer came; the text says why, without the URL, whose query may name a person."""


class ConnectionGone(NetworkTrouble):
    """Nothing was sent, since the connection that was open is gone."""


_FRAMING = {"content-length", "transfer-encoding"}


@dataclass(frozen=True, kw_only=True)
class RawAnswer:
    """A whole answer; header names in any case."""

    http_status: int
    headers: Mapping[str, str]
    body: bytes


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # Any: requests' own signature
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:  # Any: as above
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
        return manager


class _Line(threading.local):
    """This thread's own connection."""

    session: requests.Session | None = None
    is_open = False


class Transport:
    """A connection of its own for each thread that sends, all to one address. Never follows a redirect.

    `proxy` is what requests go through, for people.
    """

    def __init__(self, base_url: str, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._watchdog = Watchdog()
        self._line = _Line()
        # The person's proxies and certificates, looked up once; a request then skips requests' own slow merging.
        self._options = _session().merge_environment_settings(base_url, {}, None, None, None) | {"stream": True}
        if is_loopback(urlsplit(base_url).hostname or ""):
            # Plain http is allowed to this machine because nobody can overhear it: no proxy may see the key.
            self._options["proxies"] = {}
        self.proxy = _shown(select_proxy(base_url, self._options["proxies"]))
        check_surroundings(urlsplit(base_url).scheme, self._options)

    @property
    def is_open(self) -> bool:
        """Whether this thread's connection has answered its last request and was left open by it."""
        return self._line.is_open

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        within_s: float | None = None,
        may_connect: bool = True,
    ) -> RawAnswer:
        """Send and read to the last byte. Raises NetworkTrouble where no whole answer comes in time.

        `within_s` shortens the time for this one. Without `may_connect` it goes out on the connection that has
        answered this thread's last request; raises ConnectionGone, with nothing sent, where that is gone.
        """
        request = requests.Request(method, url, headers=dict(headers), data=body).prepare()
        seconds = self._timeout_s if within_s is None else min(within_s, self._timeout_s)
        self._line.is_open = False
        with self._watchdog.limit(seconds, may_connect=may_connect) as limit:
            answer, content = self._send(request, seconds, limit)
        self._line.is_open = "close" not in answer.headers.get("Connection", "").lower()
        return RawAnswer(http_status=answer.status_code, headers=answer.headers, body=content)

    def _send(self, request: requests.PreparedRequest, seconds: float, limit: Limit) -> tuple[requests.Response, bytes]:
        self._line.session = session = self._line.session or _session()
        late = f"no whole answer within {seconds:g} s"
        try:
            with session.send(request, timeout=seconds, allow_redirects=False, **self._options) as answer:
                content = b"".join(answer.iter_content(None))  # in one piece where its length is known
        except requests.RequestException as error:
            if limit.was_gone:
                raise ConnectionGone("the connection was closed before anything was sent") from None
            raise NetworkTrouble(late if limit.has_passed else describe(error)) from None
        if limit.has_passed:
            raise NetworkTrouble(late)
        if not _FRAMING & {name.lower() for name in answer.headers}:
            # urllib3 takes a head that was cut for a whole one, and what follows for a body without end.
            raise NetworkTrouble("the head of the answer was cut off")
        return answer, content


def _shown(proxy: str | None) -> str | None:
    """Without its user and password."""
    return proxy and proxy.rpartition("@")[2]


def check_surroundings(scheme: str, options: Mapping[str, Any]) -> None:  # Any: requests' own
    """Raises Misconfigured for what the environment says of proxies and certificates, and no try will mend."""
    proxy = requests.utils.select_proxy(f"{scheme}://", options["proxies"])
    if proxy is not None and not _is_proxy(proxy):
        raise Misconfigured(
            "the environment variable HTTPS_PROXY (or ALL_PROXY) must look like http://host:port; it is not shown, "
            "since it may hold a password"
        )
    trusted = options["verify"]
    if isinstance(trusted, str) and not Path(trusted).exists():
        raise Misconfigured(
            f"the certificates to trust, {trusted}, are not there: correct the environment variable REQUESTS_CA_BUNDLE "
            "(or CURL_CA_BUNDLE)"
        )


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _session() -> requests.Session:
    session, adapter = requests.Session(), _Adapter(pool_connections=1, pool_maxsize=1)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


_WORDS: tuple[tuple[type[requests.RequestException], str], ...] = (
    (
        requests.exceptions.SSLError,
        "TLS failed: the certificate is not trusted (is it your proxy's? REQUESTS_CA_BUNDLE names more to trust)",
    ),
    (requests.exceptions.ConnectTimeout, "no connection in time"),
    (requests.exceptions.ReadTimeout, "no answer in time"),
    (requests.exceptions.ChunkedEncodingError, "the answer was cut off"),
    (requests.exceptions.ContentDecodingError, "the answer was garbled"),
)


# As the standard library words it.
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


def describe(error: requests.RequestException) -> str:
    """The cause in plain words, without the URL. An unknown one is named by its class."""
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy that HTTPS_PROXY names failed ({_of_proxy(error)})"
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    return _of_system(error) or (
        "the connection broke" if isinstance(error, requests.ConnectionError) else type(error).__name__
    )


def _of_proxy(error: requests.RequestException) -> str:
    """A proxy's own answer is told by its status: its words may be anyone's."""
    for cause in _causes(error):
        if http_status := _TUNNEL.search(str(cause)):
            return f"it answered HTTP {http_status[1]}" + (
                ": it wants a user and a password" if http_status[1] == "407" else ""
            )
    return _of_system(error) or "it could not be reached"


def _of_system(error: requests.RequestException) -> str:
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return "the host name could not be resolved"
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror.lower()
    return ""


def _causes(error: BaseException) -> list[BaseException]:
    """The exceptions packed into `error`: urllib3 keeps them in `reason`, `args` and the context."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 20:  # the depth is three or four; a cycle must end
        current = waiting.pop(0)
        if isinstance(current, BaseException) and current not in found:
            found.append(current)
            waiting += [getattr(current, "reason", None), current.__cause__, current.__context__, *current.args]
    return found
