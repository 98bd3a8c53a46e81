"""A dry run reports what a real run would do; it sends no write and writes no file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.kills.target.ordeal import Ordeal
from tests.kills.target.rows import WAYS, rows_of
from tests.support.official import official
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, a_state, run_target
from tests.support.sandbox import PLATFORM, Sandbox

VISA = {"amount": 100, "currency": "usd", "source": "tok_visa"}
PERSON = "Zoe Canary"
MAIL = "a@x.io"
OF_EACH: dict[str, dict[str, object]] = {
    "customers": {"id": 1, "name": "A"},
    "products": {"id": 1, "name": "A"},
    "prices": {"id": 1, "currency": "usd", "unit_amount": 1, "product_data": {"name": "A"}},
    "charges": {"id": 1, **VISA},
}


def run(sandbox: Sandbox, folder: Path, *lines: Message, **settings: object) -> Ended:
    return run_target(folder, a_config(sandbox.url, **settings), lines)


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file but the configuration and the lock."""
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.suffix not in {".json", ".lock", ".db-shm"}
    }


def rows(folder: Path) -> list[tuple[object, ...]]:
    """The rows of the journal. Its bytes may differ after a crash, which SQLite repairs."""
    with closing(sqlite3.connect(folder / "stripe-flow-journal.db")) as raw:
        return raw.execute("SELECT * FROM attempts").fetchall()


def both(sandbox: Sandbox, folder: Path, *lines: Message, **settings: object) -> tuple[int, str]:
    """The exit code and the counts of a dry run and of the run after it, which are the same."""
    before, sent = contents(folder), writes(sandbox)
    dry = run(sandbox, folder, *lines, **settings, dry_run=True)
    assert (contents(folder), writes(sandbox), dry.output) == (before, sent, "")
    real = run(sandbox, folder, *lines, **settings)
    counts = [each.summary.split(" (see")[0] for each in (dry, real)]
    assert (dry.code, counts[0]) == (real.code, counts[1]), dry.log + real.log
    return dry.code, counts[0]


def writes(sandbox: Sandbox) -> int:
    return [each["method"] for each in sandbox.requests()].count("POST")


@pytest.mark.promise("target 10", "A dry run sends nothing, writes nothing and prints no STATE")
def test_a_dry_run_sends_nothing_writes_nothing_and_prints_no_state(sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [
        a_schema("customers"),
        a_record("customers", id=PERSON, name=PERSON, email="zoe.canary@example.com"),
        a_record("customers", id=2, name=17),
        a_schema("charges"),
        a_record("charges", id=1, customer=PERSON, amount=100, currency="usd"),
        a_record("charges", id=2, **VISA | {"amount": "100"}),
        a_state(done=4),
    ]

    done = run(sandbox, tmp_path, *lines, dry_run=True)

    assert (done.code, done.output) == (0, "")
    assert done.summary.startswith("4 records: 2 created, 2 rejected")
    assert "line 3 (id 2) would be rejected: customers.name: must be text" in done.log
    assert "canary" not in done.log.lower()
    assert writes(sandbox) == 0
    assert contents(tmp_path) == {}


def test_a_reject_is_named_by_its_key_unless_that_may_be_personal(sandbox: Sandbox, tmp_path: Path) -> None:
    rows = [a_record("customers", id=key, name=17) for key in ("c-4", PERSON)]

    done = run(sandbox, tmp_path, a_schema("customers"), *rows, dry_run=True)

    assert "line 2 (id c-4) would be rejected: customers.name" in done.log
    assert "line 3 would be rejected: customers.name" in done.log
    assert PERSON not in done.log


def test_a_dry_run_reads_the_journal_and_does_not_change_it(sandbox: Sandbox, tmp_path: Path) -> None:
    records = [a_record("charges", id=number, **VISA) for number in range(3)]
    run(sandbox, tmp_path, a_schema("charges"), records[0], records[1])
    before, sent = contents(tmp_path), writes(sandbox)
    changed = a_record("charges", id=1, **VISA | {"amount": 200})

    done = run(sandbox, tmp_path, a_schema("charges"), records[0], changed, records[2], dry_run=True)

    assert done.summary.startswith("3 records: 1 created, 1 unchanged, 1 rejected")
    assert (contents(tmp_path), writes(sandbox)) == (before, sent)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({}, 0),
        ({"on_reject": "fail"}, 2),
        ({"max_rejects": 0}, 2),
        ({"api_key": "sk_test_wrong"}, 4),
        ({"journal_url": "sqlite:///nowhere/journal.db"}, 1),
        ({"journal_url": "sqlite:///folder"}, 1),
        ({"rejects_path": "folder"}, 1),
        ({"rejects_path": "nowhere/rejects.jsonl"}, 1),
    ],
)
def test_a_dry_run_ends_as_the_real_run_would(
    settings: dict[str, object], code: int, sandbox: Sandbox, tmp_path: Path
) -> None:
    lines = [a_schema("products"), a_record("products", id=1), a_record("products", id=2, name="Shirt")]
    (tmp_path / "folder").mkdir()

    dry = run(sandbox, tmp_path, *lines, **settings, dry_run=True)
    real = run(sandbox, tmp_path, *lines, **settings)

    assert (dry.code, real.code) == (code, code)


def test_records_before_one_that_needs_a_rebuild_keep_their_outcome(sandbox: Sandbox, tmp_path: Path) -> None:
    run(sandbox, tmp_path, a_schema("customers"))
    with closing(sqlite3.connect(tmp_path / "stripe-flow-journal.db")) as raw:
        raw.execute("INSERT INTO needs_rebuild VALUES (?, 'test', 'charges', 0)", (PLATFORM,))
        raw.commit()
    customers = [a_schema("customers"), *(a_record("customers", id=number, name="A") for number in range(40))]

    done = both(sandbox, tmp_path, *customers, a_schema("charges"), a_record("charges", id=1, **VISA))

    assert done == (1, "40 records: 40 created")


@pytest.mark.promise(
    "target 10",
    "A dry run predicts the outcome of attempts that a killed run left open, and leaves them open",
)
@pytest.mark.parametrize("way", WAYS)
def test_a_dry_run_foretells_what_a_killed_run_left_and_leaves_it_open(
    way: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    action, settings = WAYS[way]
    ordeal = Ordeal(sandbox, tmp_path, rows_of([action], 1), most_passages=1, settings=settings)
    assert ordeal.die("executed but the answer lost").was_killed
    before, sent = rows(tmp_path), writes(sandbox)
    same = [a_schema(action), *(a_record(action, **row.record()) for row in ordeal.rows if row.action == action)]

    dry = run(sandbox, tmp_path, *same, **settings, dry_run=True)
    assert (rows(tmp_path), writes(sandbox), len(before)) == (before, sent, 1)
    real = run(sandbox, tmp_path, *same, **settings)

    assert (dry.code, dry.summary) == (real.code, real.summary) == (0, "1 records: 1 unchanged")
    assert "reconciled what earlier runs left open: 1 created" in dry.log


@pytest.mark.parametrize("was_executed", [True, False], ids=["executed", "not executed"])
@pytest.mark.parametrize(("action", "record"), OF_EACH.items())
def test_a_dry_run_scans_for_what_may_no_longer_be_resent(
    action: str, record: dict[str, object], *, was_executed: bool, sandbox: Sandbox, tmp_path: Path
) -> None:
    lines = [a_schema(action), a_record(action, **record)]
    at = "after_execute" if was_executed else "before_execute"
    sandbox.faults({"match": {"method": "POST"}, "at": at, "action": {"kind": "answer", "status": 500}})
    run(sandbox, tmp_path, *lines)
    sandbox.faults()
    compared = [both(sandbox, tmp_path, *lines)]  # too early for a scan
    sandbox.advance(11 * 60)
    compared.append(both(sandbox, tmp_path, *lines))
    sandbox.advance(25 * 3600)
    compared.append(both(sandbox, tmp_path, *lines))

    assert compared[0] == (3, "1 records: 1 unknown")
    last = (0, "1 records: 1 created") if action in {"customers", "products", "prices"} else (3, "1 records: 1 parked")
    assert compared[2] == ((0, "1 records: 1 unchanged") if was_executed else last)


def test_objects_of_the_same_run_are_references_and_customers_with_a_card(sandbox: Sandbox, tmp_path: Path) -> None:
    customers = [
        a_schema("customers"),
        a_record("customers", id=1, source="tok_visa"),
        a_record("customers", id=2, name="No card"),
    ]
    charges = [a_record("charges", id=key, amount=100, currency="usd", customer=key) for key in (1, 2, "unheard-of")]
    refunds = [a_schema("refunds"), a_record("refunds", id=1, charge=1, amount=10)]
    late = [a_schema("prices"), a_record("prices", id=1, currency="usd", unit_amount=1, product="p")]
    late += [a_schema("products"), a_record("products", id="p", name="Late")]

    done = both(
        sandbox, tmp_path, *customers, *late, a_schema("charges"), *charges, *refunds, charge_with="payment_intents"
    )

    assert done == (0, "8 records: 6 created, 2 rejected")


def test_a_customer_that_the_run_gives_a_card_can_be_charged(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = {"charge_with": "payment_intents", "on_change": "update", "concurrency": 1}
    schemas = [a_schema("customers"), a_schema("charges")]
    run(sandbox, tmp_path, *schemas, a_record("customers", id=1, name="A"), **settings)
    (customer,) = sandbox.objects("customer")
    card = official(sandbox).v1.payment_methods.attach("pm_card_visa", {"customer": customer["id"]}).id
    charged = {"amount": 100, "currency": "usd", "customer": 1}
    records = [
        a_record("charges", id=1, **charged),
        a_record("customers", id=1, name="A", invoice_settings={"default_payment_method": card}),
        a_record("charges", id=2, **charged),
    ]

    assert both(sandbox, tmp_path, *schemas, *records, **settings) == (0, "3 records: 1 created, 1 updated, 1 rejected")


@pytest.mark.parametrize(
    ("earlier", "records", "summary"),
    [
        ([], [{"id": 1, "email": MAIL}, {"id": 2, "email": MAIL}], "2 records: 1 created, 1 found"),
        (
            [{"id": 1, "email": MAIL}],
            [{"id": 1, "email": "b@x.io"}, {"id": 2, "email": MAIL}, {"id": 3, "email": "b@x.io"}],
            "3 records: 1 created, 1 updated, 1 found",
        ),
        ([{"id": 1, "email": MAIL}], [{"id": 1, "email": None}, {"id": 2, "email": MAIL}], "2 records: 1 cr"),
        (
            [],
            [{"id": key, "email": MAIL} for key in (1, 2)]
            + [{"id": 1, "email": "b@x.io"}, {"id": 3, "email": "c@x.io"}, {"id": 3, "email": MAIL}],
            "5 records: 2 created, 2 updated, 1 found",
        ),
    ],
    ids=["made in the run", "changed in the run", "emptied in the run", "made and changed in the run"],
)
def test_matching_sees_what_the_run_made_and_changed(
    earlier: list[dict[str, object]],
    records: list[dict[str, object]],
    summary: str,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    settings = {"match_customers_by": "email", "on_change": "update", "concurrency": 1}
    schema = a_schema("customers")
    run(sandbox, tmp_path, schema, *(a_record("customers", **each) for each in earlier), **settings)

    done = both(sandbox, tmp_path, schema, *(a_record("customers", **each) for each in records), **settings)

    assert done[1].startswith(summary)


@pytest.mark.parametrize("at", ["before_execute", "after_execute"])
@pytest.mark.parametrize(
    ("records", "summary"),
    [
        ([{"id": 2, "email": MAIL}], "1 records: 1 found"),
        ([{"id": 1, "email": "b@x.io"}, {"id": 2, "email": MAIL}], "2 records: 1 created, 1 updated"),
    ],
    ids=["as it was", "changed in the run"],
)
def test_matching_sees_a_customer_that_a_killed_run_left(
    records: list[dict[str, object]], summary: str, at: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    settings = {"match_customers_by": "email", "on_change": "update", "concurrency": 1}
    schema, one = a_schema("customers"), a_record("customers", id=1, email=MAIL)
    sandbox.faults({"match": {"method": "POST"}, "at": at, "action": {"kind": "answer", "status": 500}})
    run(sandbox, tmp_path, schema, one, **settings)
    sandbox.faults()
    with closing(sqlite3.connect(tmp_path / "stripe-flow-journal.db")) as raw:  # as SIGKILL leaves it
        raw.execute("UPDATE attempts SET state = 'intent'")
        raw.commit()

    done = both(sandbox, tmp_path, schema, *(a_record("customers", **each) for each in records), **settings)

    assert done == (0, summary)


def test_a_product_id_that_is_in_use_is_rejected(sandbox: Sandbox, tmp_path: Path) -> None:
    official(sandbox).v1.products.create({"id": "used", "name": "By hand"})
    records = [a_record("products", id=key, name="A") for key in ("used", "new", "a/b", ".")]

    done = both(sandbox, tmp_path, a_schema("products"), *records, product_id_from_key=True)

    assert done == (0, "4 records: 2 created, 2 rejected")


@pytest.mark.parametrize(
    ("on_change", "status"), [("reject", "rejected"), ("ignore", "unchanged"), ("update", "updated")]
)
def test_a_record_that_changes_within_the_run(on_change: str, status: str, sandbox: Sandbox, tmp_path: Path) -> None:
    records = [a_record("products", id=1, name=name) for name in "ABB"]
    again = {"updated": "1 updated, 1 unchanged", "unchanged": "2 unchanged", "rejected": "2 rejected"}[status]

    done = both(sandbox, tmp_path, a_schema("products"), *records, on_change=on_change, concurrency=1)

    assert done[1].split(" (")[0] == f"3 records: 1 created, {again}"


def test_a_record_behind_one_in_doubt_is_deferred(sandbox: Sandbox, tmp_path: Path) -> None:
    customer = [a_schema("customers"), a_record("customers", id=1, source="tok_visa")]
    sandbox.faults({"match": {"method": "POST"}, "action": {"kind": "answer", "status": 500}})
    run(sandbox, tmp_path, *customer)
    sandbox.faults()
    charge = [a_schema("charges"), a_record("charges", id=1, amount=100, currency="usd", customer=1)]

    assert both(sandbox, tmp_path, *customer, *charge) == (3, "2 records: 1 unknown, 1 deferred")


@pytest.mark.parametrize(
    "wrong", [{"api_key": "sk_test_wrong"}, {"base_url": "http://127.0.0.1:9", "give_up_after_s": 1}]
)
def test_account_trouble_is_met_also_where_the_account_is_configured(
    wrong: dict[str, object], sandbox: Sandbox, tmp_path: Path
) -> None:
    config = a_config(sandbox.url, account_id=PLATFORM) | wrong
    lines = [a_schema("customers"), a_record("customers", id=1, name="Ann")]

    codes = [run_target(tmp_path, config | {"dry_run": is_dry}, lines).code for is_dry in (True, False)]

    assert codes == [4, 4]


def test_a_dry_run_reports_updates_and_sends_none(sandbox: Sandbox, tmp_path: Path) -> None:
    schema, names = a_schema("customers"), ("A", "B", "B", "C")
    run(sandbox, tmp_path, schema, a_record("customers", id=1, name="A"))
    sent = writes(sandbox)

    records = [a_record("customers", id=1, name=name) for name in names]
    done = run(sandbox, tmp_path, schema, *records, dry_run=True, on_change="update", concurrency=1)

    assert done.summary == "4 records: 2 updated, 2 unchanged"
    assert writes(sandbox) == sent


def test_a_dry_run_treats_an_empty_file_as_no_journal(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "stripe-flow-journal.db").touch()

    done = run(sandbox, tmp_path, a_schema("charges"), a_record("charges", id=1, **VISA), dry_run=True)

    assert (done.code, done.summary) == (0, "1 records: 1 created")
    assert contents(tmp_path) == {"stripe-flow-journal.db": b""}
