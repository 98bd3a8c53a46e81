"""`capture: changes`: the streams of an account read its events together, and each as if it read them alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stripe_flow.api.errors import StripeFlowError
from tap_stripe_flow.accounts import Account
from tap_stripe_flow.capture.event_groups import Follower, Types
from tap_stripe_flow.capture.shared_events import SharedEvents
from tap_stripe_flow.listing.object_key import ObjectKey
from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.reading import Log
from tap_stripe_flow.source import Source
from tap_stripe_flow.windows.plan import Window
from tap_stripe_flow.windows.reader import DrainedWindow
from tests.lists.tap import SPECS, a_reading, a_run
from tests.support.plugins import Message, a_config, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.support.scenes import REFUSED, Answer, Scenes
from tests.tap_stripe_flow.crowds import A_CHARGE, post
from tests.tap_stripe_flow.furnishing import with_all_selected

NOW, HOUR_S, DAY_S = 1_790_000_000, 3_600, 86_400
KINDS = ("a", "b", "c")


def an_event(number: int, at: int, kind: str) -> ListedRecord:
    raw = json.dumps({"id": f"evt_{number}", "type": kind, "created": at}).encode()
    return ListedRecord.single(ObjectKey(id=f"evt_{number}", created=at), raw, read_at=NOW)


@dataclass
class Events:
    """A list of events, whose windows end at `cuts`; those in `full` have a second that is too full for a buffer."""

    events: Sequence[ListedRecord]
    cuts: Sequence[int]
    full: Sequence[int]
    asked: list[tuple[Types, int]] = field(default_factory=list)

    def read(self, types: Types, start: int) -> Iterator[DrainedWindow]:
        self.asked.append((types, start))
        ends = sorted({start, *(each for each in self.cuts if each > start), NOW + 1})
        for begin, end in pairwise(ends):
            records = [
                each
                for each in sorted(self.events, key=lambda each: -each.created)
                if begin <= each.created < end and each.as_record()["type"] in types
            ]
            rest = iter(()) if begin in self.full else None
            window = Window(start=begin, end=end)
            yield DrainedWindow(window=window, records=records, date_unix=NOW, last_date_unix=NOW, rest=rest)


seconds = st.integers(NOW - 60, NOW - 1)


@given(
    st.lists(st.tuples(seconds, st.sampled_from(KINDS)), max_size=30),
    st.tuples(st.lists(seconds, max_size=5), st.lists(seconds, max_size=2)),
    st.lists(st.tuples(seconds, st.frozensets(st.sampled_from(KINDS), min_size=1)), min_size=1, max_size=4),
    st.tuples(st.integers(0, 20), st.integers(0, 40)),
    st.data(),
)
def test_each_stream_gets_its_events_and_whole_windows_as_if_it_read_alone(
    entries: Sequence[tuple[int, str]],
    cuts_and_full: tuple[Sequence[int], Sequence[int]],
    streams: Sequence[tuple[int, Types]],
    most: tuple[int, int],
    data: st.DataObject,
) -> None:
    cuts, full = cuts_and_full
    events = Events([an_event(number, at, kind) for number, (at, kind) in enumerate(entries)], [*cuts, *full], full)
    shared = SharedEvents(*most)
    shared.plan(Follower(stream=str(n), account=None, types=each[1], since=each[0]) for n, each in enumerate(streams))

    for number in data.draw(st.permutations(range(len(streams)))):
        since, types = streams[number]
        start = min(NOW, since + data.draw(st.integers(-5, 5)))  # a gap moves it
        windows = list(shared.share(str(number), None).windows(events.read, types, start))

        assert [each.window.start for each in windows] == [start, *(each.window.end for each in windows[:-1])]
        assert windows[-1].window.end == NOW + 1
        found = [record.id for each in windows for record in each.records]
        assert sorted(found) == sorted(
            record.id for record in events.events if record.created >= start and record.as_record()["type"] in types
        )
        for each in windows:
            stamps = [record.created for record in each.records]
            assert stamps == sorted(stamps, reverse=True)
            assert all(each.window.start <= stamp < each.window.end for stamp in stamps)


@given(st.lists(st.tuples(seconds, st.sampled_from(KINDS)), max_size=10))
def test_all_streams_together_ask_once(entries: Sequence[tuple[int, str]]) -> None:
    events = Events([an_event(number, at, kind) for number, (at, kind) in enumerate(entries)], [], [])
    shared = SharedEvents()
    shared.plan(Follower(stream=kind, account=None, types=frozenset({kind}), since=NOW - 60) for kind in KINDS)

    for kind in KINDS:
        list(shared.share(kind, None).windows(events.read, frozenset({kind}), NOW - 60))
        shared.share(kind, None).leave()

    assert events.asked == [(frozenset(KINDS), NOW - 60)]


STREAMS = {"charges": "charge", "refunds": "refund", "customers": "customer"}
UPDATED = {"charges": "charge.updated", "refunds": "refund.updated", "customers": "customer.updated"}


def an_object(stream: str, name: str, number: int = 1) -> Message:
    kind = STREAMS[stream]
    return {"id": f"{kind}_{number}", "object": kind, "created": NOW - 50_000, "name": name}


def updated(stream: str, at: int, name: str, **members: object) -> Message:
    event = {"id": f"evt_{stream}_{at}", "object": "event", "type": UPDATED[stream], "created": at}
    return event | {"data": {"object": an_object(stream, name)}} | members


@dataclass(kw_only=True)
class Together:
    """Runs of several streams in one run each. `rows` are the last records by stream and id, `errors` by stream."""

    url: str
    settings: Mapping[str, object] = field(default_factory=dict)
    states: dict[str, Mapping[str, object]] = field(default_factory=dict)
    rows: dict[str, dict[str, Message]] = field(default_factory=lambda: {each: {} for each in STREAMS})
    errors: dict[str, StripeFlowError] = field(default_factory=dict)
    held_events: int = 0  # after the run

    def run(
        self,
        streams: Sequence[str] = tuple(STREAMS),
        *,
        killed_after: Mapping[str, int] | None = None,
        threads: int = 0,
    ) -> None:
        """One run; a stream is killed after so many batches."""
        config = a_config(self.url, capture="changes", give_up_after_s=1, **self.settings)
        run, whole = a_run(config)
        self.errors = {}
        sources = {each: Source(SPECS[each], whole) for each in streams}
        found = (source.follower(Account(), self.states.get(each, {})) for each, source in sources.items())
        run.shared_events.plan(each for each in found if each is not None)

        def read(stream: str) -> None:
            log = Log(warn=lambda _: None, missing=lambda _: None, refused=lambda *_, **__: None)
            batches = sources[stream].batches(run, a_reading(run, Account(), self.states.get(stream, {}), log))
            try:
                for number, batch in enumerate(batches):
                    self.rows[stream] |= {each.id: each.as_record() for each in batch.records}
                    self.states[stream] = self.states.get(stream, {}) if batch.state is None else batch.state
                    if number + 1 == (killed_after or {}).get(stream):
                        break
            except StripeFlowError as error:
                self.errors[stream] = error

        if threads:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(read, streams))
        else:
            for stream in streams:
                read(stream)
        self.held_events = run.shared_events.held


def lists(name: str, *events: Message) -> dict[str, list[Any]]:
    return {f"/v1/{each}": [an_object(each, name)] for each in STREAMS} | {"/v1/events": list(events)}


def names(together: Together, stream: str) -> list[str]:
    return [row["name"] for row in together.rows[stream].values()]


def asked_events(stripe: Scenes) -> int:
    return sum(each.path == "/v1/events" for each in stripe.asked)


def begun(stripe: Scenes) -> Together:
    together = Together(url=stripe.url)
    together.run()
    stripe.asked.clear()
    return together


@pytest.mark.parametrize("threads", [0, 3])
def test_a_change_of_each_stream_is_read_with_one_request_for_events(threads: int) -> None:
    with Scenes(now=NOW, lists=lists("old")) as stripe:
        together = begun(stripe)
        stripe.set(now=NOW + HOUR_S, lists=lists("new", *(updated(each, NOW + 60, "new") for each in STREAMS)))
        together.run(threads=threads)
        requests = asked_events(stripe)

    assert requests == 1
    assert {each: names(together, each) for each in STREAMS} == {each: ["new"] for each in STREAMS}
    assert len({state["events_through"] for state in together.states.values()}) == 1
    assert not any("events_ids" in state for state in together.states.values())


def test_a_first_run_asks_once_for_the_time_and_once_for_events() -> None:
    with Scenes(now=NOW, lists=lists("old")) as stripe:
        Together(url=stripe.url).run()
        paths = [each.path for each in stripe.asked]

    assert Counter(paths)["/v1/events"] == 2
    assert paths[0] == "/v1/events"


@pytest.mark.parametrize("odd", [{"created": "now"}, {"id": None}, {"data": None}], ids=str)
def test_an_odd_event_fails_only_the_stream_of_its_kind(odd: Message) -> None:
    with Scenes(now=NOW, lists=lists("old")) as stripe:
        together = begun(stripe)
        events = [updated("charges", NOW + 50, "new"), updated("customers", NOW + 60, "new") | odd]
        stripe.set(now=NOW + HOUR_S, lists=lists("new", *events))
        together.run()

    through = {each: int(str(state["events_through"])) for each, state in together.states.items()}
    assert names(together, "charges") == ["new"]
    assert min(through["charges"], through["refunds"]) > NOW + HOUR_S - 60
    assert together.errors.keys() <= {"customers"}
    assert through["customers"] < NOW + 60 or not together.errors


def test_a_stream_that_fails_before_it_reads_its_list_holds_no_events() -> None:
    """It fails at an object of an earlier run, of which a list was refused then."""
    with Scenes(now=NOW, lists=lists("old")) as stripe:
        together = begun(stripe)
        together.states["customers"] = {**together.states["customers"], "refused_parents": ["cus_9"]}
        refused = Answer(path="/v1/customers/cus_9", status=401, body=REFUSED)
        events = [updated(each, NOW + 50, "new") for each in STREAMS]
        stripe.set(now=NOW + HOUR_S, lists=lists("new", *events), answers=[refused])
        together.run()

    assert together.errors.keys() == {"customers"}
    assert names(together, "charges") == ["new"]
    assert together.held_events == 0


def test_an_event_of_a_type_that_nobody_asked_for_is_left_to_stripe() -> None:
    """It does not say to which stream it belongs, so each stream asks for its own events."""
    events = Events([an_event(1, NOW - 5, "odd")], [], [])
    shared = SharedEvents()
    shared.plan(Follower(stream=kind, account=None, types=frozenset({kind}), since=NOW - 60) for kind in KINDS)

    def read(types: Types, start: int) -> Iterator[DrainedWindow]:
        return events.read(types | {"odd"}, start)

    found = [list(shared.share(kind, None).windows(read, frozenset({kind}), NOW - 60)) for kind in KINDS]

    assert [[record.id for each in windows for record in each.records] for windows in found] == [["evt_1"]] * 3


def test_without_permission_each_stream_fails_and_its_bookmark_of_events_stays() -> None:
    with Scenes(now=NOW, lists=lists("old")) as stripe:
        together = begun(stripe)
        before = {each: state["events_through"] for each, state in together.states.items()}
        stripe.set(now=NOW + HOUR_S, answers=[Answer(path="/v1/events", status=403, body=REFUSED)])
        together.run()

    assert together.errors.keys() == STREAMS.keys()
    assert {each: state["events_through"] for each, state in together.states.items()} == before


def test_a_stream_that_is_days_behind_reads_on_its_own() -> None:
    with Scenes(now=NOW, lists=lists("old")) as stripe:
        together = begun(stripe)
        stripe.set(now=NOW + 2 * DAY_S, lists=lists("new", *(updated(each, NOW + 60, "new") for each in STREAMS)))
        together.run(["charges", "customers"])
        stripe.asked.clear()
        stripe.set(now=NOW + 2 * DAY_S + HOUR_S)
        together.run()
        types = {frozenset(each.types) for each in stripe.asked if each.path == "/v1/events"}

    assert len(types) == 2
    assert together.rows["refunds"]["refund_1"]["name"] == "new"


ticks = st.lists(
    st.tuples(
        st.lists(st.sampled_from(list(STREAMS)), max_size=4),  # what changes
        st.permutations(list(STREAMS)),
        st.dictionaries(st.sampled_from(list(STREAMS)), st.integers(1, 3)),  # kills
        st.sampled_from([5, 700, 2 * HOUR_S]),
    ),
    min_size=1,
    max_size=4,
)


@settings(deadline=None, max_examples=30)  # each example is some runs over HTTP
@given(ticks)
def test_nothing_is_stale_whatever_is_killed_and_whoever_reads_first(
    drawn: Sequence[tuple[Sequence[str], Sequence[str], Mapping[str, int], int]],
) -> None:
    now, last, events = NOW, dict.fromkeys(STREAMS, "0"), list[Message]()
    with Scenes(now=NOW, lists=lists("0")) as stripe:
        together = Together(url=stripe.url)
        together.run()
        for number, (changed, order, kills, pause_s) in enumerate(drawn, 1):
            for stream in changed:
                last[stream] = str(number)
                events.append(updated(stream, now + 1, str(number), id=f"evt_{len(events)}"))
            now += pause_s
            shown = {f"/v1/{each}": [an_object(each, name)] for each, name in last.items()}
            stripe.set(now=now, lists=shown | {"/v1/events": events})
            together.run(order, killed_after=kills)
        stripe.set(now=now + 60)
        together.run()

    assert {each: names(together, each) for each in STREAMS} == {each: [name] for each, name in last.items()}


def requests_for_events(sandbox: Sandbox) -> Counter[str]:
    return Counter(each["account"] for each in sandbox.requests() if each["path"] == "/v1/events")


def test_an_idle_run_of_all_streams_asks_for_events_once_a_group_and_account(sandbox: Sandbox, tmp_path: Path) -> None:
    """110 event types, 20 in a request: six groups; and the stream `events` itself."""
    config = a_config(sandbox.url, capture="changes", customers_mode="list", account_ids=[PLATFORM, CONNECTED])
    catalog = with_all_selected(json.loads(run_tap(tmp_path, config, "--discover").output))
    post(sandbox, [("/v1/charges", A_CHARGE)] * 3)
    sandbox.advance(1_000)
    first = run_tap(tmp_path, config, catalog=catalog)
    sandbox.advance(1_000)
    before = requests_for_events(sandbox)

    done = run_tap(tmp_path, config, catalog=catalog, state=first.states[-1])

    assert (first.code, done.code) == (0, 0)
    assert before == {PLATFORM: 1 + 6 + 1, CONNECTED: 1 + 6 + 1}
    assert requests_for_events(sandbox) - before == {PLATFORM: 6 + 1, CONNECTED: 6 + 1}
