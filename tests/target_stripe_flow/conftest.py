"""Empty journals of both kinds: an SQLite file and a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from target_stripe_flow.journal.location import Location, location_of
from target_stripe_flow.journal.store import Journal
from tests.support.postgres import Postgres
from tests.target_stripe_flow.sharing import CANARY, TIMEOUT_S

KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=KINDS)
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """The location of an empty journal, of each kind in turn."""
    if request.param == "sqlite":
        return location_of({"journal_url": f"sqlite:///{tmp_path / 'journal.db'}"})
    server: Postgres = request.getfixturevalue("postgres")
    return location_of({"journal_url": server.database(), "timeout_s": 10})


@pytest.fixture(params=KINDS)
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The journal_url of an empty journal, of each kind in turn, for real processes."""
    return f"sqlite:///{tmp_path / 'journal.db'}" if request.param == "sqlite" else request.getfixturevalue("url")


@pytest.fixture
def url(postgres: Postgres) -> str:
    """The URL of an empty PostgreSQL schema, with a password, which this server does not check."""
    return postgres.database().replace("postgres:@", f"postgres:{CANARY}@")


@pytest.fixture
def shared_location(url: str) -> Location:
    """The location of an empty journal on PostgreSQL, with short leases."""
    return location_of({"journal_url": url, "timeout_s": TIMEOUT_S})


@pytest.fixture
def journal(location: Location) -> Iterator[Journal]:
    with location.open_journal() as opened:
        yield opened
