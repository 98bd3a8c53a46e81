"""`stripe-flow journal source`: what it prints, what it takes as a person's word, and what it refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from tests.messages.saying import assert_says
from tests.support.plugins import Ended, a_config, a_record, a_schema, run, run_target
from tests.support.postgres import Postgres
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.target_stripe_flow.sharing import query

VISA = {"amount": 100, "currency": "usd", "source": "tok_visa"}
CONFIG = ("--config", "target_stripe_flow.json")


def source(folder: Path, *arguments: str) -> Ended:
    done = run([sys.executable, "-m", "stripe_flow_cli", "journal", "source", *arguments], folder)
    assert "Traceback" not in done.log
    return done


def send(sandbox: Sandbox, folder: Path, url: str, *keys: str, action: str = "charges", **settings: object) -> Ended:
    fields = VISA if action == "charges" else {"name": "Ann"}
    lines = [a_schema(action, *keys), a_record(action, **{key: f"{key}-1" for key in keys}, **fields)]
    return run_target(folder, a_config(sandbox.url, journal_url=url, **settings), lines)


def listed(folder: Path, *options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in source(folder, "list", *CONFIG, *options, "--json").output.splitlines()]


@pytest.fixture(params=["sqlite", "postgresql"])
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The journal_url of an empty journal, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


def test_list_has_a_line_for_each_source_with_its_records(sandbox: Sandbox, tmp_path: Path, journal_url: str) -> None:
    send(sandbox, tmp_path, journal_url, "shop", "no", source_name="crm")
    send(sandbox, tmp_path, journal_url, "id", action="customers", source_name="crm", account_id=CONNECTED)
    send(sandbox, tmp_path, journal_url, "id", action="customers", source_name="shop")

    of_own = listed(tmp_path, "--account", PLATFORM)
    plain = source(tmp_path, "list", *CONFIG).output

    common = {"mode": "test", "records": 1, "is_added": False, "account": PLATFORM}
    assert of_own == [
        common | {"source_name": "crm", "action": "charges", "streams": ["charges"], "key_properties": ["shop", "no"]},
        common | {"source_name": "shop", "action": "customers", "streams": ["customers"], "key_properties": ["id"]},
    ]
    assert sorted(each["account"] for each in listed(tmp_path)) == [CONNECTED, PLATFORM, PLATFORM]
    assert [each["action"] for each in listed(tmp_path, "--source-name", "crm", "--account", PLATFORM)] == ["charges"]
    assert {each["source_name"] for each in listed(tmp_path, "--action", "customers")} == {"shop", "crm"}
    assert f"{PLATFORM} test  crm  charges  1 records  streams: charges  keys: shop, no" in plain


@pytest.mark.parametrize("action", ACTIONS)
def test_add_shows_the_known_names_and_the_new_source(
    action: str, sandbox: Sandbox, tmp_path: Path, journal_url: str
) -> None:
    send(sandbox, tmp_path, journal_url, "id", action="customers")

    done = source(tmp_path, "add", "crm", "--action", action, "--stream", "rows", *CONFIG)
    again = source(tmp_path, "add", "crm", "--action", action, "--stream", "rows", *CONFIG)

    known = "records of these source_names: 1 of default" if action == "customers" else "no records"
    assert done.output.splitlines() == [
        f"{action} of {PLATFORM} (test): {known}",
        f"{PLATFORM} test  crm  {action}  0 records  streams: rows  keys: not known yet",
    ]
    assert again.output == done.output
    assert query(journal_url, "SELECT streams, is_added FROM sources WHERE source_name = 'crm'") == [('["rows"]', 1)]


REFUSED = [
    (("rename", "shop", "--action", "charges"), "say what was renamed: --stream NEW .* --keys a,b"),
    (("rename", "other", "--action", "charges", "--stream", "x"), "has no source other for charges of acct_"),
    (("rename", "shop", "--action", "customers", "--stream", "x"), "has no source shop for customers"),
    (("rename", "shop", "--action", "charges", "--stream", "charges"), "has the stream charges already"),
    (("rename", "shop", "--action", "charges", "--stream", "x", "--from", "y"), "--from y is no stream .* has charges"),
    (("rename", "shop", "--action", "charges", "--keys", "id"), "has 2 key properties, shop, no, and --keys has 1"),
    (("rename", "shop", "--action", "charges", "--keys", "a,b,c"), "has 2 key properties, .* and --keys has 3"),
    (("rename", "shop", "--action", "charges", "--keys", "no,shop"), "are shop, no already; runs keep that order"),
    (("rename", "shop", "--action", "charges", "--keys", "no,id"), "moves no to another position"),
    (("rename", "shop", "--action", "charges", "--keys", "a,a"), "has 2 key properties"),
    (("rename", "shop", "--action", "charges", "--keys", "a,"), "--keys is names joined by commas, like shop,no"),
    (("rename", "shop", "--action", "charges", "--keys", "[1]"), "--keys is names joined by commas, like shop,no"),
    (("add", " crm", "--action", "charges"), "NAME has white space at an end"),
    (
        ("add", "crm", "--action", "charges", "--account", "acct_1"),
        "of which account.* has acct_.* .test.: add --account",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=[" ".join(each[0]) for each in REFUSED])
def test_what_would_change_identities_is_refused(
    arguments: tuple[str, ...], message: str, shop: Path, shop_url: str
) -> None:
    before = query(shop_url, "SELECT * FROM sources")

    done = source(shop, *arguments, *CONFIG)

    assert (done.code, done.output, len(done.errors)) == (1, "", 1)
    assert_says(message, done.errors[0])
    assert query(shop_url, "SELECT * FROM sources") == before


@pytest.fixture
def shop_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'journal.db'}"


@pytest.fixture
def shop(sandbox: Sandbox, tmp_path: Path, shop_url: str) -> Path:
    """A folder with a journal that has charges by two keys."""
    assert send(sandbox, tmp_path, shop_url, "shop", "no", source_name="shop").code == 0
    return tmp_path


def test_of_several_streams_the_renamed_one_has_to_be_named(shop: Path, shop_url: str) -> None:
    source(shop, "add", "shop", "--action", "charges", "--stream", "eu", *CONFIG)

    unclear = source(shop, "rename", "shop", "--action", "charges", "--stream", "us", *CONFIG)
    named = source(shop, "rename", "shop", "--action", "charges", "--stream", "us", "--from", "eu", *CONFIG)

    assert (unclear.code, named.code) == (1, 0)
    assert "the source has the streams charges, eu: add --from" in unclear.errors[0]
    assert query(shop_url, "SELECT streams FROM sources") == [('["charges", "us"]',)]


def test_key_names_with_a_comma_are_a_json_list(shop: Path, shop_url: str) -> None:
    done = source(shop, "rename", "shop", "--action", "charges", "--keys", '["shop", "no, or number"]', *CONFIG)

    assert done.code == 0
    assert query(shop_url, "SELECT key_names FROM sources") == [('["shop", "no, or number"]',)]


def test_a_journal_of_several_accounts_asks_for_one(sandbox: Sandbox, tmp_path: Path, journal_url: str) -> None:
    send(sandbox, tmp_path, journal_url, "id")
    send(sandbox, tmp_path, journal_url, "id", account_id=CONNECTED)
    settings = a_config(sandbox.url, journal_url=journal_url)
    (tmp_path / "target_stripe_flow.json").write_text(json.dumps(settings), encoding="utf-8")

    unclear = source(tmp_path, "add", "crm", "--action", "charges", *CONFIG)
    named = source(tmp_path, "add", "crm", "--action", "charges", "--account", CONNECTED, *CONFIG)

    assert (unclear.code, named.code) == (1, 0)
    assert f"The journal has {CONNECTED} (test), {PLATFORM} (test): add --account" in unclear.errors[0]
    assert query(journal_url, "SELECT account FROM sources WHERE source_name = 'crm'") == [(CONNECTED,)]


@pytest.mark.parametrize("command", [("show",), ("forget", "--yes")])
def test_a_key_of_several_sources_is_shown_whole_and_changed_only_where_it_is_clear(
    command: tuple[str, ...], sandbox: Sandbox, tmp_path: Path, journal_url: str
) -> None:
    send(sandbox, tmp_path, journal_url, "id")
    source(tmp_path, "add", "crm", "--action", "charges", *CONFIG)
    send(sandbox, tmp_path, journal_url, "id", source_name="crm")
    nameless = {key: value for key, value in settings_of(tmp_path).items() if key != "source_name"}
    (tmp_path / "nameless.json").write_text(json.dumps(nameless), encoding="utf-8")
    verb, *options = command

    def do(config: str, *more: str) -> Ended:
        line = [sys.executable, "-m", "stripe_flow_cli", "journal", verb, "charges:id-1", *options, "--config", config]
        return run([*line, *more], tmp_path)

    unclear = do("nameless.json")
    if verb == "show":
        assert unclear.code == 0
        names = [line.split()[1] for line in unclear.output.splitlines() if line.startswith("source_name ")]
        assert sorted(names) == ["crm", "default"]
        assert do("target_stripe_flow.json", "--source-name", "crm").output.count("source_name ") == 1
        return
    assert unclear.code == 1
    assert "2 rows for this key" in unclear.errors[0]
    assert "--source-name" in unclear.errors[0]
    assert do("target_stripe_flow.json").code == 1, "the settings name one of them, and the KEY may be of the other"
    assert do("target_stripe_flow.json", "--source-name", "crm").code == 0
    assert query(journal_url, "SELECT source_name FROM attempts") == [("default",)], "that of crm is gone"


def settings_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "target_stripe_flow.json").read_text(encoding="utf-8")))
