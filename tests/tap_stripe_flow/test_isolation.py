"""One failure is one stream's and one account's, whatever Stripe answers: the others are read, nothing is skipped."""

from __future__ import annotations

import json
import re
import threading
import weakref
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from stripe_flow.api.errors import PermissionMissing, StripeUnreachable
from stripe_flow.api.traffic import Traffic
from tap_stripe_flow.run import MOST_NAMED
from tap_stripe_flow.streams import STREAMS
from tests.lists.tap import a_run
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.scenes import MISSING, REFUSED, Answer, Asked, Said, Scenes
from tests.tap_stripe_flow.furnishing import with_selected

NOW = 1_790_000_000
PRIVATE = "ann@example.com"  # a value of a record, which no message may show


def charge(number: int, **members: object) -> Message:
    return {"id": f"ch_{number}", "object": "charge", "created": NOW - 5_000 + number} | members


def refund(number: int) -> Message:
    return {"id": f"re_{number}", "object": "refund", "created": NOW - 5_000 + number}


@pytest.fixture(scope="module")
def stripe() -> Iterator[Scenes]:
    with Scenes(now=NOW) as running:
        yield running


def page(*entries: object, **members: object) -> Message:
    return {"object": "list", "url": "/v1/charges", "has_more": False, "data": list(entries)} | members


def no_person_is_named(done: Ended) -> bool:
    return not any(word in done.log for word in (PRIVATE, "Traceback", "report this line", "unhandled"))


ODD: dict[str, object] = {
    "no object": [],
    "null": b"null",
    "no data": page() | {"data": None},
    "data is an object": page() | {"data": {"id": "ch_1"}},
    "an entry is a text": page(PRIVATE),
    "an entry is null": page(None),
    "no id": page({"object": "charge", "created": NOW - 10, "email": PRIVATE}),
    "id is null": page(charge(1, id=None)),
    "id is a number": page(charge(1, id=5)),
    "created is null": page(charge(1, created=None)),
    "created is a fraction": page(charge(1, created=1.5)),
    "created is a text": page(charge(1, created=PRIVATE)),
    "created is beyond 64 bits": page(charge(1, created=10**30)),
    "half a surrogate": page(charge(1, description="caf\ud83d")),
    "not a number": json.dumps(page(charge(1, amount=float("nan")))).encode(),
    "nested deeply": b'{"object": "list", "has_more": false, "data": [{"id": "ch_1", "created": 1, "x": '
    + b"[" * 5_000
    + b"]" * 5_000
    + b"}]}",
    "not JSON": b"<html>maintenance</html>",
    "cut off": b'{"object": "list", "data": [{"id": "ch_1',
    "not UTF-8": b'{"object": "list", "has_more": false, "data": [{"id": "ch_1", "created": 1, "d": "\xff"}]}',
}


@pytest.mark.promise("tap 8", "An odd answer fails its own stream, and the others are read")
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_an_odd_answer_fails_the_first_stream_alone(
    stripe: Scenes, catalog: Message, tmp_path: Path, odd: object
) -> None:
    everything = {"/v1/charges": [charge(1), charge(2)], "/v1/refunds": [refund(1)]}
    stripe.set(now=NOW, lists=everything, answers=[Answer(path="/v1/charges", status=200, body=odd)])
    config = a_config(stripe.url, give_up_after_s=1)
    selected = with_selected(catalog, "charges", "refunds")

    done = run_tap(tmp_path, config, catalog=selected)
    stripe.set(now=NOW + 600)
    later = run_tap(tmp_path, config, catalog=selected, state=done.states[-1])

    assert done.code in {0, 2}  # 0: the odd record passed as it is
    assert done.records("refunds") == [refund(1)]
    assert len(done.errors) == (1 if done.code else 0)
    assert all("stream charges failed" in error for error in done.errors)
    assert no_person_is_named(done)
    assert later.code == 0
    assert {each["id"] for run in (done, later) for each in run.records("charges")} >= {"ch_1", "ch_2"}


def test_an_odd_record_that_cannot_be_mapped_fails_its_account_alone(stripe: Scenes, tmp_path: Path) -> None:
    """Stream maps need the values of a record, which came from the list as bytes: here a number that no float holds."""
    odd = json.dumps(page(charge(2, amount="BIG", receipt_email=PRIVATE), charge(1))).replace('"BIG"', "1e400")
    too_big = Answer(path="/v1/charges", status=200, body=odd.encode(), account="acct_1")
    stripe.set(now=NOW, lists={"/v1/charges": [charge(3)], "/v1/refunds": [refund(1)]}, answers=[too_big])
    config = a_config(stripe.url, account_ids=["acct_1", "acct_2"], stream_maps={"charges": {"receipt_email": None}})
    found = json.loads(run_tap(tmp_path, config, "--discover").output)

    done = run_tap(tmp_path, config, catalog=with_selected(found, "charges", "refunds"))

    assert done.code == 2
    assert sorted(each["id"] for each in done.records("charges")) == ["ch_1", "ch_3"]
    assert len(done.records("refunds")) == 2
    assert no_person_is_named(done)
    bookmarks = done.states[-1]["bookmarks"]["charges"]["partitions"]
    assert [each["context"]["_stripe_account"] for each in bookmarks if "replication_key_value" in each] == ["acct_2"]


@pytest.mark.parametrize("odd", [{}, {"id": None}, {"id": ""}, {"id": 5}, {"id": ["acct_1"]}], ids=str)
def test_no_record_has_an_account_that_stripe_did_not_name(stripe: Scenes, tmp_path: Path, odd: Message) -> None:
    stripe.set(now=NOW, lists={"/v1/charges": [charge(1)]}, answers=[Answer(path="/v1/account", status=200, body=odd)])

    done = run_tap(tmp_path, a_config(stripe.url, account_ids=["self"]))

    assert (done.code, done.messages, len(done.errors)) == (2, [], 1)
    assert "Replace `self` with the account's id, acct_…" in done.errors[0]
    assert no_person_is_named(done)


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, REFUSED), (404, MISSING), (200, []), (403, REFUSED)],
    ids=["400", "404", "no list", "403"],
)
def test_a_list_that_this_account_does_not_have_is_not_the_end_of_discovery(
    stripe: Scenes, tmp_path: Path, status: int, body: object
) -> None:
    """Stripe answers 400 where the account has no Issuing."""
    paths: dict[str, list[Message]] = {spec.listed.path: [] for spec in STREAMS}
    odd = Answer(path="/v1/issuing/cards", status=status, body=body)
    stripe.set(now=NOW, lists=paths, answers=[odd])

    done = run_tap(tmp_path, a_config(stripe.url, discover_permitted_only=True), "--discover")

    found = {each["tap_stream_id"] for each in json.loads(done.output)["streams"]}
    assert (done.code, done.errors) == (0, [])
    assert {spec.name for spec in STREAMS} - found == ({"issuing_cards"} if status == 403 else set())


def failing(path: str, status: int, **options: object) -> Answer:
    return Answer(path=path, status=status, body=REFUSED, **options)  # type: ignore[arg-type]  # the answer's members


@pytest.mark.volume(cases=1)
@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param([failing("/v1/charges", 503)], ("charges refunds", 2), id="the first of two"),
        pytest.param([failing("/v1/refunds", 503)], ("charges refunds", 2), id="the last of two"),
        pytest.param([failing("/v1/charges", 503)], ("charges", 4), id="the only one"),
        pytest.param([failing("/v1/*", 503)], ("charges refunds", 4), id="all"),
        pytest.param([failing("/v1/charges", 403)], ("charges refunds", 2), id="one permission"),
        pytest.param([failing("/v1/*", 403)], ("charges refunds", 4), id="all permissions"),
        pytest.param([Answer(path="/v1/charges", status=404, body=MISSING)], ("charges refunds", 2), id="no such list"),
        pytest.param([failing("/v1/charges", 401)], ("charges refunds", 4), id="the key"),
        pytest.param([failing("/v1/charges", 200)], ("charges refunds", 2), id="no list"),
    ],
)
def test_the_exit_code_says_whether_anything_could_be_read(
    stripe: Scenes, catalog: Message, tmp_path: Path, answers: list[Answer], expected: tuple[str, int]
) -> None:
    streams, code = expected
    stripe.set(now=NOW, lists={"/v1/charges": [charge(1)], "/v1/refunds": [refund(1)]}, answers=answers)

    done = run_tap(tmp_path, a_config(stripe.url, give_up_after_s=1), catalog=with_selected(catalog, *streams.split()))

    assert done.code == code


class Cutting(Scenes):
    """Breaks the connection of each request to one of `cut`, without an answer."""

    cut: Collection[str] = ()

    def answer(self, asked: Asked) -> Said:
        if asked.path in self.cut:
            raise ConnectionError
        return super().answer(asked)


REST = ("/v1/payouts", "/v1/refunds", "/v1/account")
BETWEEN = ("/v1/payouts", "/v1/account")


def each(paths: Collection[str], status: int) -> list[Answer]:
    return [Answer(path=path, status=status, body=b"<html>" if status > 500 else REFUSED) for path in paths]


@pytest.mark.volume
@pytest.mark.parametrize(
    ("cut", "answers", "code"),
    [
        pytest.param(REST, [], 4, id="no answer at the end"),
        pytest.param(BETWEEN, [], 2, id="no answer, and then a stream is read"),
        pytest.param(["/v1/refunds"], [], 2, id="no answer to one list"),
        pytest.param([], each(REST, 502), 4, id="an outage at the end"),
        pytest.param([], each(BETWEEN, 502), 2, id="an outage, and then a stream is read"),
        pytest.param([], each(["/v1/refunds"], 502), 2, id="an outage of one list"),
        pytest.param([], each(REST, 302), 4, id="a proxy at the end"),
        pytest.param([], each(["/v1/refunds"], 401), 4, id="the key at the end"),
        pytest.param([], each(REST, 403), 2, id="permissions at the end"),
    ],
)
def test_where_stripe_becomes_unreachable_the_exit_code_says_whether_anything_was_read_since(
    catalog: Message, tmp_path: Path, cut: Collection[str], answers: list[Answer], code: int
) -> None:
    """One stream is read after the other, so that there is a since."""
    lists = {"/v1/charges": [charge(1)], "/v1/payouts": [], "/v1/refunds": []}
    with Cutting(now=NOW, lists=lists, answers=answers) as stripe:
        stripe.cut = cut
        config = a_config(stripe.url, give_up_after_s=1, streams_at_once=1)

        done = run_tap(tmp_path, config, catalog=with_selected(catalog, "charges", "payouts", "refunds"))

    assert (done.code, len(done.records("charges"))) == (code, 1)


def test_streams_that_fail_at_once_ask_once_whether_stripe_answers() -> None:
    unreachable = StripeUnreachable("no answer")
    with Scenes(now=NOW, answers=[Answer(path="*", status=500, body=REFUSED)]) as stripe:
        run, _ = a_run(a_config(stripe.url, give_up_after_s=0))
        run.note_progress()
        asked = []
        for what in ("first", "second"):
            run.fail(what, unreachable)
            asked.append(len(stripe.asked))
        run.note_progress()
        run.fail("third", unreachable)
        asked.append(len(stripe.asked))

    assert asked == [1, 1, 2]


def test_whether_stripe_answers_is_asked_also_while_every_request_hangs() -> None:
    with Scenes(now=NOW, answers=[Answer(path="*", status=500, body=REFUSED)]) as stripe:
        run, _ = a_run(a_config(stripe.url, give_up_after_s=0))
        run.note_progress()
        client, asked = run.client, threading.Event()

        def fail() -> None:
            run.fail("first", StripeUnreachable("no answer"))
            asked.set()

        with client.transport.slot(client.stopping) as has_slot:
            threading.Thread(target=fail, daemon=True).start()
            assert (has_slot, asked.wait(20), len(stripe.asked)) == (True, True, 1)


def test_failures_of_single_objects_keep_nothing_of_what_was_read() -> None:
    with Scenes(now=NOW) as stripe:
        run, _ = a_run(a_config(stripe.url))
        progress = run.begin("charges", None, None, Traffic())
        errors = [PermissionMissing("no permission") for _ in range(2 * MOST_NAMED)]
        kept = [weakref.ref(each) for each in errors]
        while errors:
            run.note_refused("stream charges", progress, "ch_1", errors.pop(), is_parent=True)

    assert [each() for each in kept[:MOST_NAMED]] == [None] * MOST_NAMED  # the others were logged
    assert run.exit_code() == 4


def test_where_nothing_answers_the_run_ends_at_the_first_stream(catalog: Message, tmp_path: Path) -> None:
    with Scenes(now=NOW) as gone:
        config = a_config(gone.url, give_up_after_s=1, streams_at_once=1)

    done = run_tap(tmp_path, config, catalog=with_selected(catalog, "charges", "refunds"))

    assert done.code == 4
    assert len(done.errors) == 1
    assert re.search(r"refunds .*(not read|interrupted)", done.log)
