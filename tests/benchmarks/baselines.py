"""The plain clients that the tap is compared with: what a script does without this project, each a process of its own.

`python -m tests.benchmarks.baselines KIND URL START END PER_SECOND` writes the charges created in [START, END) to
standard output until all are written or the reader has closed it. PER_SECOND is shared by all threads; 0: no limit.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import pairwise
from urllib.parse import urlencode

import requests

from tests.support.sandbox import Sandbox

THREADS = 16
TIMEOUT_S = 60
# Far above any account here: a client must end even if a list does not.
MOST_PAGES = 100_000
AN_ID = re.compile(rb'"id": "(ch_\w+)"')

Query = dict[str, str]
# A page: its output, and the id of its last object if the list continues.
Page = tuple[bytes, str | None]


@dataclass
class Limiter:
    """Starts at most this many requests a second, evenly spaced; 0: no limit."""

    per_second: float
    _free_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self) -> None:
        if not self.per_second:
            return
        with self._lock:
            now = time.monotonic()
            moment = max(now, self._free_at)
            self._free_at = moment + 1 / self.per_second
        time.sleep(moment - now)


@dataclass(frozen=True, kw_only=True)
class Client:
    """Reads one range after the other, each with its own `fetch` and connection."""

    connect: Callable[[], Callable[[Query], Page]]
    limiter: Limiter
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def read(self, start: int, end: int) -> None:
        for page in self._pages(start, end):
            with self._writing:
                sys.stdout.buffer.write(page)
                sys.stdout.buffer.flush()

    def _pages(self, start: int, end: int) -> Iterator[bytes]:
        fetch = self.connect()
        query = {"limit": "100", "created[gte]": str(start), "created[lt]": str(end)}
        for _ in range(MOST_PAGES):
            self.limiter.wait()
            page, after = fetch(query)
            yield page
            if after is None:
                return
            query["starting_after"] = after


def parsing(url: str) -> Callable[[Query], Page]:
    """`requests`, parsed as JSON, written as one line for each record."""
    session = requests.Session()
    session.auth, session.trust_env = (Sandbox.key, ""), False  # without this machine's proxy

    def fetch(query: Query) -> Page:
        answer = session.get(f"{url}/v1/charges", params=query, timeout=TIMEOUT_S)
        answer.raise_for_status()
        page = json.loads(answer.content)
        lines = [json.dumps({"type": "RECORD", "stream": "charges", "record": each}) + "\n" for each in page["data"]]
        return "".join(lines).encode(), page["data"][-1]["id"] if page["has_more"] else None

    return fetch


def passing_through(url: str) -> Callable[[Query], Page]:
    """`http.client`, which writes the bytes of each page unchanged: the highest rate that the sandbox can serve."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=TIMEOUT_S)
    headers = {"Authorization": f"Basic {b64encode(f'{Sandbox.key}:'.encode()).decode()}"}

    def fetch(query: Query) -> Page:
        connection.request("GET", f"/v1/charges?{urlencode(query)}", headers=headers)
        body = connection.getresponse().read()
        has_more = b'"has_more": true' in body[:200]
        return body, AN_ID.findall(body)[-1].decode() if has_more else None

    return fetch


KINDS = {"loop": (parsing, 1), "threads": (parsing, THREADS), "bytes": (passing_through, THREADS)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("url")
    parser.add_argument("start", type=int)
    parser.add_argument("end", type=int)
    parser.add_argument("per_second", type=float)
    asked = parser.parse_args()
    connect, threads = KINDS[asked.kind]
    client = Client(connect=lambda: connect(asked.url), limiter=Limiter(asked.per_second))
    bounds = [asked.start + (asked.end - asked.start) * number // threads for number in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(client.read, start, end) for start, end in pairwise(bounds)]:
            done.result()


if __name__ == "__main__":
    main()
