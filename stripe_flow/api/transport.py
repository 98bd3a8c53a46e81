"""Exchanges bytes with Stripe over HTTP, with the library `requests`."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import select_proxy

from stripe_flow.api.body import read_body
from stripe_flow.api.clock import elapsed_s
from stripe_flow.api.connection import is_loopback
from stripe_flow.api.deadline import Limit, PlainPool, TlsPool, Watchdog
from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.network_errors import NetworkTrouble, NothingSent, describe
from stripe_flow.api.slots import OpenConnection, Slots

_FRAMING = {"content-length", "transfer-encoding"}


@dataclass(frozen=True, kw_only=True)
class RawAnswer:
    """A whole answer, its body unpacked; header names ignore case."""

    http_status: int
    headers: Mapping[str, str]
    body: bytes


class _Adapter(HTTPAdapter):
    """An adapter for one address and one set of options."""

    _pool: Any = None  # Any: requests' own types, here and below

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
        return manager

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool of the address; looking it up for each request would parse its URL several times."""
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool


class _ThisThread(threading.local):
    def __init__(self) -> None:
        self.connection = OpenConnection()
        self.has_slot = False


class Transport:
    """One connection per thread, all to one address. Never follows a redirect.

    With `most_in_flight` there are only so many connections, and a thread has one only inside `slot`.
    `proxy` is the proxy that requests go through, without user and password; None without a proxy.
    Raises Misconfigured when the environment names a proxy or certificates that cannot work.
    """

    def __init__(self, base_url: str, *, timeout_s: float, most_in_flight: int | None = None) -> None:
        self._timeout_s = timeout_s
        self._watchdog = Watchdog()
        self._this_thread = _ThisThread()
        self._slots = None if most_in_flight is None else Slots(most_in_flight)
        # Reading the user's proxies and certificates once skips requests' own slow merging at each request.
        settings = requests.Session().merge_environment_settings(base_url, {}, None, None, None)
        self._options: dict[str, Any] = {**settings, "stream": True}
        if is_loopback(urlsplit(base_url).hostname or ""):
            # Plain http is allowed to this machine because nobody can overhear it: no proxy may see the key.
            self._options["proxies"] = {}
        proxy = select_proxy(base_url, self._options["proxies"])
        self.proxy = proxy and proxy.rpartition("@")[2]
        _check_environment(proxy, self._options["verify"])

    @property
    def is_open(self) -> bool:
        """Whether this thread's connection has answered its last request and stayed open."""
        return self._this_thread.connection.is_open

    @property
    def answered_at_s(self) -> float:
        """When this thread's connection last answered, in seconds of `elapsed_s`; long ago before the first answer."""
        return self._this_thread.connection.answered_at_s

    @contextmanager
    def slot(self, stopping: threading.Event) -> Iterator[bool]:
        """Inside the block this thread may exchange; False if the run is stopping before there is a slot.

        Blocks inside the block use the same slot.
        """
        mine = self._this_thread
        if self._slots is None or mine.has_slot:
            yield True
            return
        with self._slots.slot(stopping) as connection:
            if connection is None:
                yield False
                return
            mine.connection, mine.has_slot = connection, True
            try:
                yield True
            finally:
                mine.connection, mine.has_slot = OpenConnection(), False

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        within_s: float | None = None,
        may_connect: bool = True,
        first_byte_by_s: float | None = None,
    ) -> RawAnswer:
        """Send a request and read its whole answer. Raises NetworkTrouble when no whole answer arrives in time.

        `within_s` shortens the timeout of this exchange. Without `may_connect` only the connection that answered this
        thread's last request is used: raises NothingSent when it was closed. Raises NothingSent, too, when the first
        byte would leave after `first_byte_by_s`, in seconds of `elapsed_s`.
        """
        request = _prepare(method, url, headers, body)
        seconds = self._timeout_s if within_s is None else min(within_s, self._timeout_s)
        connection, sent_at_s = self._this_thread.connection, elapsed_s()
        connection.is_open = False
        with self._watchdog.limit(seconds, may_connect=may_connect, first_byte_by_s=first_byte_by_s) as limit:
            answer, content = self._send(connection, request, seconds, limit)
        # An answer that lay here while the machine slept is as old as the sleep.
        connection.answered_at_s = min(elapsed_s(), sent_at_s + seconds)
        connection.is_open = "close" not in answer.headers.get("Connection", "").lower()
        return RawAnswer(http_status=answer.status_code, headers=answer.headers, body=content)

    def _send(
        self, connection: OpenConnection, request: requests.PreparedRequest, seconds: float, limit: Limit
    ) -> tuple[requests.Response, bytes]:
        connection.adapter = adapter = connection.adapter or _Adapter(pool_connections=1, pool_maxsize=1)
        late = f"no whole answer within {seconds:g} s"
        try:
            with adapter.send(request, timeout=seconds, **self._options) as answer:
                content = read_body(answer)
        except requests.RequestException as error:
            if limit.was_closed:
                raise NothingSent("the connection was closed before anything was sent") from None
            if limit.was_late:
                raise NothingSent("too much time passed since Stripe's last answer, and nothing was sent") from None
            raise NetworkTrouble(late if limit.has_passed else describe(error)) from None
        except NetworkTrouble as trouble:
            raise NetworkTrouble(late if limit.has_passed else str(trouble)) from None
        if limit.has_passed:
            raise NetworkTrouble(late)
        if not _FRAMING & {name.lower() for name in answer.headers}:
            # urllib3 takes headers that were cut off for complete ones, and reads a body without end after them.
            raise NetworkTrouble("the headers of the answer were cut off")
        return answer, content


def _check_environment(proxy: str | None, certificates: object) -> None:
    """Raises Misconfigured for a proxy or certificates that no retry can fix."""
    if proxy is not None and not _is_proxy(proxy):
        raise Misconfigured(
            "the environment variable HTTPS_PROXY (or ALL_PROXY) must look like http://host:port; its value is not "
            "shown here, because it may hold a password"
        )
    if isinstance(certificates, str) and not Path(certificates).exists():
        raise Misconfigured(
            f"the trusted certificates at {certificates} do not exist: correct the environment variable "
            "REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE)"
        )


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _prepare(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> requests.PreparedRequest:
    """The request as it is: `requests` would parse and quote the URL once more."""
    request = requests.PreparedRequest()
    request.method, request.url, request.body = method, url, body
    request.headers = CaseInsensitiveDict(headers)
    if body is not None:
        request.headers["Content-Length"] = str(len(body))
    return request
