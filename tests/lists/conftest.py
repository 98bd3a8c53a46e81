"""An empty account for each test: most tests share a sandbox, since an account costs less than a sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lists.objects import Account, Objects
from tests.lists.readers import NO_PERMISSION, ONLY_CUSTOMERS, ListReader
from tests.support.sandbox import PLATFORM, Sandbox

MOST_TESTS = 1000
Accounts = tuple[Sandbox, Iterator[str]]


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    """A sandbox, and the ids of its unused accounts."""
    names = [f"acct_1Lists{number}" for number in range(MOST_TESTS)]
    keys: dict[str, dict[str, object]] = {
        Sandbox.key: {},
        NO_PERMISSION: {"rights": {}},
        ONLY_CUSTOMERS: {"rights": {"customer": "read"}},
    }
    path = tmp_path_factory.mktemp("lists") / "keys.json"
    path.write_text(json.dumps({"accounts": {name: {} for name in [PLATFORM, *names]}, "keys": keys}))
    with Sandbox("--keys", str(path)) as running:
        yield running, iter(names)


@pytest.fixture
def objects(reader: ListReader, accounts: Accounts, tmp_path: Path) -> Iterator[Objects]:
    """An empty list for the reader, in an account of its own."""
    sandbox, unused = accounts
    yield reader.objects(Account(sandbox=sandbox, id=next(unused), folder=tmp_path))
    sandbox.faults()


@pytest.fixture
def logged_objects(reader: ListReader, sandbox: Sandbox, tmp_path: Path) -> Objects:
    """An empty list for the reader, in a sandbox whose request log is short enough to be read for each request."""
    return reader.objects(Account(sandbox=sandbox, id=PLATFORM, folder=tmp_path))
