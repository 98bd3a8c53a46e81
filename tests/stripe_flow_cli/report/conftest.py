"""An empty journal on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from target_stripe_flow.journal.location import Location, location_of
from target_stripe_flow.journal.store import Journal
from tests.support.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """The location of an empty journal for one test."""
    if request.param == "sqlite":
        return location_of({"journal_url": f"sqlite:///{tmp_path / 'journal.db'}"})
    server: Postgres = request.getfixturevalue("postgres")
    return location_of({"journal_url": server.database()})


@pytest.fixture
def journal(location: Location) -> Iterator[Journal]:
    with location.open_journal() as opened:
        yield opened
