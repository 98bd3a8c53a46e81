"""Figures on both databases: the sums match the rows, and the lists have the latest state of each record."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from stripe_flow_cli.report import figures
from stripe_flow_cli.report.model import Group, Report, Sums
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import Identity, Scope
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.journal.sources import Source, write_source
from target_stripe_flow.journal.store import Journal
from tests.stripe_flow_cli.report.journals import DAY_S, NOW, an_attempt, attempts

ONE_DAY = {"first_sent_unix": NOW, "last_sent_unix": NOW, "settled_unix": NOW}


def read(journal: Journal, rejects: Path | None = None, most_rows: int = 2000, **filters: list[str]) -> Report:
    path = rejects or Path("nowhere.jsonl")
    query = figures.Query(filters=filters, rejects_path=path, now_unix=NOW, most_rows=most_rows)
    return figures.read_report(journal, query)


def groups(report: Report) -> Mapping[str, Group]:
    return {group.words.name: group for group in report.groups}


def a_charge(number: int, state: State, amount: int | None, currency: str | None, **columns: Any) -> Attempt:
    """A charge of one day; `columns` are columns of the journal."""
    return an_attempt(number, state, action="charges", amount=amount, currency=currency, **(ONE_DAY | columns))


def test_every_attempt_is_counted_once(journal: Journal) -> None:
    journal.add(list(attempts(600)))

    report = read(journal)

    assert report.attempts == 600
    assert sum(report.counts.values()) == 600
    assert sum(sum(bucket.counts.values()) for bucket in report.timeline.buckets) + report.timeline.undated == 600


def test_money_is_summed_by_currency_and_day(journal: Journal) -> None:
    journal.add(
        [
            a_charge(1, State.CREATED, 1050, "usd"),
            a_charge(2, State.CREATED, 25, "usd"),
            a_charge(3, State.CREATED, 70, "usd", settled_unix=NOW - DAY_S),
            a_charge(4, State.DECLINED, 500, "usd"),
            a_charge(5, State.PARKED, 9, "usd", settled_unix=None),
            a_charge(6, State.REFUSED, 8, "usd"),
            a_charge(7, State.CREATED, 3, "jpy"),
            a_charge(8, State.CREATED, None, None),
        ]
    )

    report = read(journal)

    jpy, usd = report.ledgers
    assert (jpy.currency, jpy.total.created) == ("jpy", 3)
    assert usd.total == Sums(day="all days", created=1145, declined=500, open=9)
    assert usd.days == (
        Sums(day="2026-11-24", created=1075, declined=500, open=9),
        Sums(day="2026-11-23", created=70),
    )
    assert report.money_unknown == 1


def test_the_newest_days_are_listed_and_the_sum_has_all(journal: Journal) -> None:
    journal.add([a_charge(day, State.CREATED, 1, "usd", settled_unix=NOW - day * DAY_S) for day in range(2500)])

    (ledger,) = read(journal).ledgers

    assert (len(ledger.days), ledger.unshown, ledger.total.created) == (2000, 500, 2500)
    assert ledger.days[0].day == "2026-11-24"


def test_a_listed_record_has_its_amount_reason_and_commands(journal: Journal) -> None:
    parked = a_charge(1, State.PARKED, 1230, "kwd", settled_unix=None)
    declined = a_charge(2, State.DECLINED, 500, "usd")
    journal.add([parked, declined])

    report = read(journal)

    (in_doubt,), (refused,) = groups(report)["parked"].items, groups(report)["declined"].items
    assert (in_doubt.amount, in_doubt.when) == ("1.230 KWD", "2026-11-24 00:00 UTC")
    assert in_doubt.commands[0] == f"stripe-flow journal settle charges:{parked.digest} --as created STRIPE_ID"
    assert groups(report)["parked"].amounts == ("1.230 KWD",)
    assert refused.reason.startswith("insufficient_funds — ")
    assert groups(report)["declined"].amounts == (), "the same money may have been charged since"


def test_a_replaced_attempt_is_not_listed(journal: Journal) -> None:
    first = a_charge(1, State.DECLINED, 500, "usd")
    updated = an_attempt(3, State.CREATED, action="customers")
    refused = replace(updated, revision=1, state=State.REFUSED)
    journal.add([first, replace(first, attempt=2, state=State.CREATED)])
    journal.add([updated, refused, replace(refused, revision=2, state=State.UPDATED)])
    journal.add([a_charge(2, State.REFUSED, 5, "usd")])

    report = read(journal)

    assert {name: group.total for name, group in groups(report).items()} == {"refused": 1}
    assert report.counts["declined"] == 1, "the timeline counts it"


def test_an_applied_update_leaves_the_parked_creation_listed(journal: Journal) -> None:
    made = an_attempt(3, State.PARKED, action="customers")
    journal.add([made, replace(made, revision=1, state=State.UPDATED)])

    assert groups(read(journal))["parked"].total == 1


@pytest.mark.parametrize("most", [15, 40])
def test_rows_are_shown_up_to_a_bound_and_the_rest_is_counted(most: int, journal: Journal) -> None:
    journal.add(list(attempts(600, done_of=2)))

    report = read(journal, most_rows=most)

    shown = sum(len(group.items) for group in report.groups)
    assert shown == most
    assert shown + sum(group.unshown for group in report.groups) == 300


def test_the_newest_of_each_state_are_shown(journal: Journal) -> None:
    days = [a_charge(day, State.DECLINED, 1, "usd", settled_unix=NOW - day * DAY_S) for day in range(30)]
    journal.add([*days, a_charge(99, State.PARKED, 1, "usd")])

    report = read(journal, most_rows=4)

    assert [item.when[:10] for item in groups(report)["declined"].items] == ["2026-11-24", "2026-11-23", "2026-11-22"]
    assert len(groups(report)["parked"].items) == 1, "many records do not hide one"


def test_a_report_has_only_the_rows_that_the_filters_select(journal: Journal) -> None:
    journal.add([an_attempt(1, State.PARKED), an_attempt(2, State.PARKED, mode="test"), an_attempt(3, State.PARKED)])

    report = read(journal, mode=["test"])

    assert (report.attempts, groups(report)["parked"].total) == (1, 1)
    assert ["test mode" in owner for owner in report.owners] == [True]


def test_reasons_are_counted_the_most_frequent_first(journal: Journal) -> None:
    codes = ["do_not_honor", "expired_card", "do_not_honor"]
    journal.add([a_charge(n, State.DECLINED, 1, "usd", decline_code=code) for n, code in enumerate(codes)])

    report = read(journal)

    assert [(each.code, each.count, each.share) for each in report.declines] == [
        ("do_not_honor", 2, 1),
        ("expired_card", 1, 0.5),
    ]


def test_a_row_without_a_time_is_counted_and_listed(journal: Journal) -> None:
    nothing: dict[str, Any] = {"first_sent_unix": None, "last_sent_unix": None, "settled_unix": None}
    journal.add([an_attempt(1, State.OPENED, **nothing)])

    report = read(journal)

    assert report.timeline.undated == 1
    assert groups(report)["opened"].items[0].when == ""


def test_sums_that_no_float_holds_are_exact(journal: Journal) -> None:
    journal.add([a_charge(number, State.CREATED, 999_999_999_999, "idr") for number in range(10_001)])

    (ledger,) = read(journal).ledgers

    assert ledger.total.created == 10_001 * 999_999_999_999


def lines(path: Path, *rejects: dict[str, Any]) -> Path:  # Any: JSON
    schema = {"type": "SCHEMA", "stream": "charges", "schema": {}, "key_properties": ["id"]}
    verdict = {"status": "rejected", "reason": "no amount", "field": "amount", "request_id": None, "line": 4, "at": "x"}
    records = [
        {"type": "RECORD", "stream": "charges", "record": {"id": each.pop("id", 7)}, "stripe_flow": verdict | each}
        for each in rejects
    ]
    path.write_text("".join(json.dumps(each) + "\n" for each in [schema, *records]), encoding="utf-8")
    return path


def test_records_never_sent_come_from_the_rejects_file(journal: Journal, tmp_path: Path) -> None:
    in_the_journal = ({"status": "declined", "request_id": "req_1"}, {"request_id": "req_2"})
    rejects = lines(tmp_path / "r.jsonl", {}, {"at": "2026-10-01T10:00:00+00:00", "line": 5}, *in_the_journal)

    report = read(journal, rejects)

    (group,) = report.groups
    assert (group.words.name, group.total) == ("never_sent", 2)
    assert [(item.reason, item.when) for item in group.items] == [
        ("amount: no amount", "2026-10-01 10:00 UTC"),
        ("amount: no amount", ""),
    ]
    assert [(each.code, each.words, each.count) for each in report.rejections] == [("amount", "no amount", 2)]


def test_a_rejects_file_may_hold_anything(journal: Journal, tmp_path: Path) -> None:
    rejects = lines(tmp_path / "r.jsonl", {})
    with rejects.open("ab") as file:
        file.write(b'\xff\n[1]\n{"type": "RECORD"}\n' + b"[" * 100_000 + b'\n{"type": "SCHEMA", "stream": 3}\n{"cut')

    assert [group.total for group in read(journal, rejects).groups] == [1]


AT = "2026-11-24T00:00:00+00:00"  # NOW
SHOP = {"at": AT, "source_name": "shop"}


def sent(
    *key: str, when: int = NOW + 60, source_name: str = "shop", account: str = "acct_1", state: State = State.CREATED
) -> Attempt:
    """A charge with this key, in the order of the journal."""
    scope = Scope(account=account, mode="test", source_name=source_name)
    digest = Identity(scope=scope, action="charges", source_key=key).digest
    whose: dict[str, Any] = {
        "account": account,
        "mode": "test",
        "source_name": source_name,
        "source_key": key,
        "digest": digest,
    }
    return an_attempt(1, state, action="charges", settled_unix=when, **whose)


def remember(journal: Journal, *key_names: str, account: str = "acct_1", **columns: Any) -> None:
    """What a run remembers of the charges of `shop`; `columns` are members of a source."""
    usual: dict[str, Any] = {"source_name": "shop", "streams": ("charges",)}
    source = Source(account=account, mode="test", action="charges", key_names=key_names, **(usual | columns))
    write_source(journal, source)


def never_sent(journal: Journal, rejects: Path) -> int:
    found = groups(read(journal, rejects))
    return found["never_sent"].total if "never_sent" in found else 0


def test_a_rejected_record_that_was_sent_later_is_left_out(journal: Journal, tmp_path: Path) -> None:
    assert int(datetime.fromisoformat(AT).timestamp()) == NOW
    keys = ("1", "2", "3", "4", "5")
    rejects = lines(tmp_path / "r.jsonl", *(SHOP | {"id": key} for key in keys), SHOP | {"at": None, "id": "1"})
    remember(journal, "id")
    journal.add([sent("1"), sent("2", when=NOW - 60), sent("4", when=NOW), sent("5", source_name="crm")])

    report = read(journal, rejects)

    assert groups(report)["never_sent"].total == 5, "one of the first five was sent after it was rejected"
    assert report.sent_since == 1


@pytest.mark.promise("commands", "A report shows a reject whose key another source has sent")
def test_equal_keys_of_two_sources_are_two_records(journal: Journal, tmp_path: Path) -> None:
    rejects = lines(tmp_path / "r.jsonl", SHOP, SHOP | {"source_name": "crm"}, {"at": AT})
    remember(journal, "id")
    remember(journal, "id", source_name="crm")
    journal.add([sent("7")])

    assert never_sent(journal, rejects) == 2, "that of crm, and a line of an older release, which names no source"


def test_a_record_of_several_accounts_counts_as_sent_once_all_have_it(journal: Journal, tmp_path: Path) -> None:
    rejects = lines(tmp_path / "r.jsonl", SHOP)
    for account in ("acct_1", "acct_2"):
        remember(journal, "id", account=account)
    journal.add([sent("7")])
    before = never_sent(journal, rejects)
    journal.add([sent("7", account="acct_2")])

    assert (before, never_sent(journal, rejects)) == (1, 0)


def test_the_key_is_read_in_the_order_that_the_journal_remembers(journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    verdict = {"status": "rejected", "reason": "no amount", "request_id": None} | SHOP
    schema = {"type": "SCHEMA", "stream": "orders", "schema": {}, "key_properties": ["shop", "no"]}
    record = {"type": "RECORD", "stream": "orders", "record": {"no": 7, "shop": "eu"}, "stripe_flow": verdict}
    path.write_text(f"{json.dumps(schema)}\n{json.dumps(record)}\n")
    remember(journal, "no", "shop", streams=("orders",))
    journal.add([sent("eu", "7")])
    other_order = never_sent(journal, path)
    journal.add([sent("7", "eu")])

    assert (other_order, never_sent(journal, path)) == (1, 0), "the stream has another name than its action"


@pytest.mark.parametrize(
    "columns", [{"streams": ("other",)}, {"key_names": ("no",)}, {"source_name": "default"}, {"account": "acct_2"}]
)
def test_a_reject_stays_where_its_source_is_not_sure(columns: dict[str, Any], journal: Journal, tmp_path: Path) -> None:
    rejects = lines(tmp_path / "r.jsonl", SHOP)
    remember(journal, *columns.get("key_names", ("id",)), **{n: v for n, v in columns.items() if n != "key_names"})
    journal.add([sent("7")])

    assert never_sent(journal, rejects) == 1


def test_an_order_counts_once_however_often_it_was_tried(journal: Journal) -> None:
    first = a_charge(1, State.DECLINED, 500, "usd")
    customer = an_attempt(3, State.CREATED, action="customers")
    journal.add([first, replace(first, attempt=2, state=State.CREATED), a_charge(2, State.REFUSED, 5, "usd")])
    journal.add([customer, *(replace(customer, revision=number, state=State.UPDATED) for number in (1, 2))])

    printed = figures.to_json(read(journal))

    assert (printed["attempts"], printed["orders"]) == (6, 3)
    assert printed["orders_by_status"] == {"created": 2, "rejected": 1}


def test_rejects_of_many_reasons_are_all_counted(journal: Journal, tmp_path: Path) -> None:
    rejects = lines(tmp_path / "r.jsonl", *({"reason": f"reason {number}"} for number in range(500)))

    report = read(journal, rejects)

    assert sum(each.count for each in report.rejections) == 500


def test_the_figures_as_json_are_minor_units(journal: Journal) -> None:
    journal.add([a_charge(1, State.CREATED, 1050, "usd"), a_charge(2, State.PARKED, 3, "jpy", settled_unix=None)])

    printed = json.loads(json.dumps(figures.to_json(read(journal))))

    assert Counter(printed["counts"]) == {"created": 1, "parked": 1}
    assert printed["waiting"] == {"parked": 1}
    assert {"action": "charges", "currency": "usd", "day": "2026-11-24", "created": 1050} | {
        "declined": None,
        "open": None,
    } in printed["amounts"]


def test_rare_reasons_are_counted_together(journal: Journal) -> None:
    journal.add([a_charge(number, State.DECLINED, 1, "usd", decline_code=f"code_{number}") for number in range(250)])

    declines = read(journal).declines

    assert (sum(each.count for each in declines), declines[0].words) == (250, "other reasons")
