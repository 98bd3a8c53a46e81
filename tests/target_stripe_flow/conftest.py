"""Journals on both databases: what holds of one holds of the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from target_stripe_flow.journal.location import Location, location_of
from target_stripe_flow.journal.store import Journal
from tests.support.postgres import Postgres
from tests.target_stripe_flow.sharing import CANARY, TIMEOUT_S


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """Where an empty journal of the test's own is going to be."""
    if request.param == "sqlite":
        return location_of({"journal_url": f"sqlite:///{tmp_path / 'journal.db'}"})
    server: Postgres = request.getfixturevalue("postgres")
    return location_of({"journal_url": server.database(), "timeout_s": 10})


@pytest.fixture
def url(postgres: Postgres) -> str:
    """A database of the test's own, with a password in its URL, which this server does not ask for."""
    return postgres.database().replace("postgres:@", f"postgres:{CANARY}@")


@pytest.fixture
def shared_location(url: str) -> Location:
    """An empty journal on PostgreSQL, with short leases."""
    return location_of({"journal_url": url, "timeout_s": TIMEOUT_S})


@pytest.fixture
def journal(location: Location) -> Iterator[Journal]:
    with location.open_journal() as opened:
        yield opened
