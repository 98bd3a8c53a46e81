"""Journals on both databases: what holds of one holds of the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from target_stripe_flow.journal.location import Place, place_of
from target_stripe_flow.journal.store import Journal
from tests.support.postgres import Postgres
from tests.target_stripe_flow.sharing import CANARY, TIMEOUT_S


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where an empty journal of the test's own is going to be."""
    if request.param == "sqlite":
        return place_of({"journal_url": f"sqlite:///{tmp_path / 'journal.db'}"})
    server: Postgres = request.getfixturevalue("postgres")
    return place_of({"journal_url": server.database(), "timeout_s": 10})


@pytest.fixture
def url(postgres: Postgres) -> str:
    """A database of the test's own, with a password in its URL, which this server does not ask for."""
    return postgres.database().replace("postgres:@", f"postgres:{CANARY}@")


@pytest.fixture
def shared_place(url: str) -> Place:
    """An empty journal on PostgreSQL, with short leases."""
    return place_of({"journal_url": url, "timeout_s": TIMEOUT_S})


@pytest.fixture
def journal(place: Place) -> Iterator[Journal]:
    with place.held() as opened:
        yield opened
