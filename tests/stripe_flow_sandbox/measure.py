"""What the sandbox can do on this machine, to be read and not judged: `python -m tests.stripe_flow_sandbox.measure`.

Seconds to start and memory at two sizes; list pages and creates per second over one keep-alive connection.
Only the ids of an answer are read, so that the figures are the sandbox's and not this reader's.
"""

from __future__ import annotations

import argparse
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from urllib.parse import urlencode

import msgspec
import psutil  # type: ignore[import-untyped]  # it has no types

from tests.support.sandbox import Sandbox

HEADERS = {"Authorization": f"Bearer {Sandbox.key}", "Content-Type": "application/x-www-form-urlencoded"}
A_CHARGE = urlencode({"amount": 1000, "currency": "usd", "source": "tok_visa"})


class Named(msgspec.Struct):
    """Any object, or the error."""

    id: str = ""


class Answer(Named):
    """An object or a list of them."""

    data: list[Named] = []
    has_more: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--charges", type=int, nargs="+", default=[100_000, 1_000_000], help="sizes of the account")
    parser.add_argument("--seconds", type=float, default=5, help="how long to read and to create")
    options = parser.parse_args()
    for charges in options.charges:
        measure(charges, options.seconds)


def measure(charges: int, for_s: float) -> None:
    """One line about a sandbox with this many charges."""
    begun_s = time.perf_counter()
    with Sandbox("--charges", str(charges)) as sandbox:
        start_s = time.perf_counter() - begun_s
        connection = HTTPConnection(sandbox.url.removeprefix("http://"), timeout=60)
        pages_of_10_per_s, pages_of_100_per_s = (rate(reader(connection, "charges", each), for_s) for each in (10, 100))
        gzip_pages_of_100_per_s = rate(reader(connection, "charges", 100, {"Accept-Encoding": "gzip"}), for_s)
        empty_lists_per_s = rate(reader(connection, "payment_intents", 1), for_s)
        event_pages_of_100_per_s = rate(reader(connection, "events", 100), for_s)
        creates_per_s = rate(lambda: ask(connection, "POST", "/v1/charges", A_CHARGE), for_s)
        connection.close()
        memory = resident_mib(sandbox.pid)
    pages = f"{pages_of_10_per_s=:.0f} {pages_of_100_per_s=:.0f} {event_pages_of_100_per_s=:.0f}"
    more = f"{gzip_pages_of_100_per_s=:.0f} {empty_lists_per_s=:.0f}"
    sys.stdout.write(f"{charges=} {start_s=:.1f} {pages} {more} {creates_per_s=:.0f} resident_mib={memory:.0f}\n")


def rate(work: Callable[[], object], for_s: float) -> float:
    """How often per second."""
    count, begun_s = 0, time.perf_counter()
    while (passed_s := time.perf_counter() - begun_s) < for_s:
        work()
        count += 1
    return count / passed_s


def reader(
    connection: HTTPConnection, objects: str, limit: int, headers: Mapping[str, str] | None = None
) -> Callable[[], None]:
    """Reads the next page each time, from the newest object on and around."""
    after: list[str] = []

    def read() -> None:
        query = urlencode({"limit": limit} | ({"starting_after": after.pop()} if after else {}))
        page = ask(connection, "GET", f"/v1/{objects}?{query}", headers=headers)
        if page.has_more:
            after.append(page.data[-1].id)

    return read


def ask(
    connection: HTTPConnection,
    method: str,
    path: str,
    form: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    connection.request(method, path, form, {**HEADERS, **(headers or {})})
    with connection.getresponse() as response:
        body = response.read()
        if response.headers.get("Content-Encoding") == "gzip":
            body = zlib.decompress(body, 16 + zlib.MAX_WBITS)
    if response.status != 200:
        raise SystemExit(f"{method} {path}: {body.decode()}")
    return msgspec.json.decode(body, type=Answer)


def resident_mib(pid: int) -> float:
    """Memory of the sandbox and what it started."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return float(sum(each.memory_info().rss for each in family)) / 1024 / 1024


if __name__ == "__main__":
    main()
