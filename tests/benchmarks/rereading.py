"""The plain loop that a replay is compared with: the least that a script does to see that no record has changed.

`python -m tests.benchmarks.rereading URL JOURNAL` takes the same input and prints the same STATE.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
from http.client import HTTPConnection
from typing import Any

_FIND = "SELECT state, fingerprint FROM attempts WHERE digest = ? ORDER BY attempt DESC LIMIT 1"


def main() -> None:
    url, path = sys.argv[1:]
    connection = HTTPConnection(url.removeprefix("http://"))
    connection.request("GET", "/v1/account", headers={"Authorization": "Bearer sk_test_sandbox"})
    account = json.load(connection.getresponse())["id"]
    cursor = sqlite3.connect(path).cursor()
    for line in sys.stdin:
        message: dict[str, Any] = json.loads(line)
        if message["type"] == "STATE":
            sys.stdout.write(json.dumps(message["value"]) + "\n")
        elif message["type"] == "RECORD":
            _look_up(cursor, account, message["stream"], message["record"])


def _look_up(cursor: sqlite3.Cursor, account: str, stream: str, record: dict[str, Any]) -> None:
    """Raises AssertionError for a record that is new or has changed."""
    digest = _hash([account, "test", "default", stream, str(record.pop("id"))])
    if "customer" in record:
        record["customer"] = str(record["customer"])
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:32]
    assert cursor.execute(_FIND, (digest,)).fetchone() == ("created", fingerprint)


def _hash(parts: list[str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


if __name__ == "__main__":
    main()
