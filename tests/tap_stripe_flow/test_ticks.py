"""Twenty runs, ten minutes apart, over an account that changes between and during them."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stripe

from tests.support.official import official
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import Sandbox

TICKS, TICK_S, DAY_S = 20, 600, 86_400
# As late as anything becomes visible; with what passes while a run is held, it is well inside overlap_s.
LATE_S, HELD_S = 400, 20
A_CHARGE = {"amount": 1000, "currency": "usd", "source": "tok_visa"}
KINDS = {"charges": "charge", "customers": "customer", "refunds": "refund"}


@dataclass
class Account:
    """An account in which the official client makes, changes and deletes objects."""

    sandbox: Sandbox
    draw: random.Random = field(default_factory=lambda: random.Random(7))
    made: dict[str, list[str]] = field(default_factory=lambda: {stream: [] for stream in KINDS})
    uncaptured: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = official(self.sandbox).v1
        self.old = ids_by_stream(self.sandbox)

    def change(self) -> None:
        """Make, change and delete objects of several kinds, many of them in one second."""
        self._makes()
        self._changes()
        self._deletes()

    def _makes(self) -> None:
        self.made["customers"] += [self.client.customers.create({"source": "tok_visa"}).id for _ in range(2)]
        self.made["charges"] += [self._charge() for _ in range(2)]
        self.uncaptured.append(self._charge(capture=False))
        with suppress(stripe.CardError):
            self._charge(source="tok_chargeDeclined")
        for charge in (self.draw.choice(self.made["charges"]), self.made["charges"][-1]):
            self.made["refunds"].append(self.client.refunds.create({"charge": charge, "amount": 10}).id)

    def _charge(self, **params: object) -> str:
        return str(self.client.charges.create(A_CHARGE | params).id)

    def _changes(self) -> None:
        for stream, ids in [*self.made.items(), ("charges", self.old["charges"])]:
            for object_id in sorted({ids[-1], self.draw.choice(ids[-8:]), self.draw.choice(ids)}):
                getattr(self.client, stream).update(object_id, {"metadata": {"touched": str(self.draw.random())}})
        if len(self.uncaptured) > 3:
            # Stripe refunds the part that is not captured, without a request for it
            self.client.charges.capture(self.uncaptured.pop(0), {"amount": self.draw.choice([1000, 900])})

    def _deletes(self) -> None:
        """An object from before the start, the oldest or the newest of this account."""
        customers = self.made["customers"]
        for ids, index in ((self.old["customers"], 0), (customers, self.draw.choice([0, -1]))):
            if len(ids) > 4:
                self.client.customers.delete(ids.pop(index))


@dataclass
class Ticks:
    """Runs of the tap, each from the last state; what they emitted, in order."""

    folder: Path
    config: dict[str, object]
    catalog: Message | None = None
    state: Message = field(default_factory=dict)
    emitted: list[tuple[str, Message]] = field(default_factory=list)

    def run(self, **settings: object) -> Ended:
        done = run_tap(self.folder, self.config | settings, state=self.state or None, catalog=self.catalog)
        self.state = done.states[-1]
        self.emitted += [(each["stream"], each["record"]) for each in done.messages if each["type"] == "RECORD"]
        return done

    def times(self, stream: str) -> Counter[str]:
        """How often each object was emitted."""
        return Counter(record["id"] for name, record in self.emitted if name == stream)

    def last(self, stream: str) -> dict[str, Message]:
        """The last record of each object, as a warehouse that upserts would hold it."""
        return {record["id"]: record for name, record in self.emitted if name == stream}


def twenty_ticks(sandbox: Sandbox, ticks: Ticks, *held: str) -> Ended:
    """Twenty runs, each changed in the middle while a list of `held` waits; returns the last of two runs after them."""
    account = Account(sandbox)
    for tick in range(TICKS):
        account.change()
        at = ("before_read", "before_answer")[tick // len(held) % 2]
        sandbox.faults(*map(made_late, ("POST", "DELETE")), a_pause(held[tick % len(held)], at), seed=tick)
        done = run_while(sandbox, ticks.run, account.change)
        assert done.code == 0, done.log
        for _ in range(2):
            account.change()
            sandbox.advance(TICK_S // 2)
    sandbox.faults()
    sandbox.advance(TICK_S)  # from here on, all is visible
    assert ticks.run().code == 0
    sandbox.advance(TICK_S)
    return ticks.run()


def run_while(sandbox: Sandbox, run: Callable[[], Ended], act: Callable[[], None]) -> Ended:
    """The result of `run`; `act` is called in the middle of it, while the rule `pause` holds a request."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            sandbox.wait_until_held("pause")
            act()
            sandbox.advance(HELD_S)
        finally:
            sandbox.release("pause")
        return running.result()


def made_late(method: str) -> Message:
    """A third of the objects made or changed, and their events, become visible late."""
    action = {"kind": "late_visibility", "at_least_s": 1, "up_to_s": LATE_S}
    return {"match": {"method": method}, "probability": 0.3, "action": action}


def a_pause(stream: str, at: str) -> Message:
    asked = {"method": "GET", "path": f"/v1/{stream}"}
    return {"name": "pause", "match": asked, "at": at, "times": 1, "action": {"kind": "hold"}}


def ids_by_stream(sandbox: Sandbox) -> dict[str, list[str]]:
    return {stream: [each["id"] for each in sandbox.objects(kind)] for stream, kind in KINDS.items()}


def objects_by_id(sandbox: Sandbox, kind: str) -> dict[str, Message]:
    return {each["id"]: each for each in sandbox.objects(kind)}


def at_stripe(sandbox: Sandbox, stream: str, ids: Iterable[str]) -> dict[str, Message]:
    """The objects as the official client retrieves them."""
    service = getattr(official(sandbox).v1, stream)
    return {each: service.retrieve(each).to_dict() for each in ids}


def iso(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat()


def all_selected(folder: Path, config: dict[str, object]) -> Message:
    """The discovered catalog with every stream selected."""
    catalog: Message = json.loads(run_tap(folder, config, "--discover").output)
    for stream in catalog["streams"]:
        next(each for each in stream["metadata"] if each["breadcrumb"] == [])["metadata"]["selected"] = True
    return catalog


@pytest.fixture
def an_old_account() -> Iterator[Sandbox]:
    with Sandbox("--seed", "6", "--charges", "500", "--days", "60") as running:
        yield running


@pytest.mark.promise("tap 2", "Objects and events that become visible late are emitted once, through twenty runs")
@pytest.mark.promise(
    "tap 3",
    "Twenty runs emit each new object once, while objects are created and changed between and during them",
)
def test_twenty_ticks_emit_each_new_object_exactly_once(an_old_account: Sandbox, tmp_path: Path) -> None:
    sandbox, before = an_old_account, ids_by_stream(an_old_account)
    ticks = Ticks(tmp_path, a_config(sandbox.url, start_date=iso(sandbox.clock())))

    quiet = twenty_ticks(sandbox, ticks, "charges", "refunds")

    assert (quiet.code, quiet.records("charges"), quiet.records("refunds")) == (0, [], [])
    for stream in ("charges", "refunds"):
        made = set(ids_by_stream(sandbox)[stream]) - set(before[stream])
        assert ticks.times(stream) == dict.fromkeys(made, 1)
        assert len(made) > 5 * TICKS


@pytest.mark.volume
@pytest.mark.promise("tap 4", "Under `capture: changes` the last record of every object equals the object at Stripe")
def test_twenty_ticks_leave_no_object_stale_under_changes(an_old_account: Sandbox, tmp_path: Path) -> None:
    """Also none that is older than `start_date`, which bounds only what is listed."""
    sandbox = an_old_account
    before = {stream: objects_by_id(sandbox, kind) for stream, kind in KINDS.items()}
    changes = {"capture": "changes", "customers_mode": "list", "start_date": iso(sandbox.clock())}
    config = a_config(sandbox.url, **changes)
    ticks = Ticks(tmp_path, config, all_selected(tmp_path, config))
    assert ticks.run().code == 0  # from here on, changes are followed

    quiet = twenty_ticks(sandbox, ticks, "charges", "customers", "events", "refunds")

    assert (quiet.code, [*map(quiet.records, KINDS)]) == (0, [[], [], []])
    for stream, kind in KINDS.items():
        last, there = ticks.last(stream), objects_by_id(sandbox, kind)
        differ = {each for each, now in there.items() if before[stream].get(each) != now}
        now = at_stripe(sandbox, stream, differ)
        # an object made and deleted between two runs need not be emitted
        made_in_vain = [each for each in differ - last.keys() if now[each].get("deleted")]
        assert not set(made_in_vain) & before[stream].keys()
        assert last | {each: now[each] for each in made_in_vain} == now
        assert sum(ticks.times(stream).values()) > len(last) + TICKS
        assert last.keys() & before[stream].keys() or stream == "refunds"


@pytest.mark.promise("tap 4", "After 30 days without events the tap reads the newer objects again and logs it")
def test_after_a_gap_in_the_events_recent_objects_are_read_again(tmp_path: Path) -> None:
    with Sandbox("--seed", "8", "--charges", "400", "--days", "120") as sandbox:
        ticks = Ticks(tmp_path, a_config(sandbox.url, capture="changes", events_gap_days=90))
        assert ticks.run().code == 0
        charges = [each["id"] for each in sandbox.objects("charge")]
        official(sandbox).v1.charges.update(
            charges[-1], {"description": "its event is no longer kept when the tap reads events"}
        )
        sandbox.advance(40 * DAY_S)

        done = ticks.run()

        days = {each["id"]: (sandbox.clock() - each["created"]) / DAY_S for each in sandbox.objects("charge")}
        now = at_stripe(sandbox, "charges", charges[-1:])
    read_again = {record["id"] for record in done.records("charges")}
    assert done.code == 0
    assert "events_gap_days" in done.log
    assert {each for each in charges if days[each] < 89} <= read_again <= {each for each in charges if days[each] < 91}
    assert now.items() <= ticks.last("charges").items()


def test_without_permission_for_events_only_changes_wait(tmp_path: Path) -> None:
    permissions = {name: {"charge": "read", "event": level} for name, level in (("blind", "none"), ("seeing", "read"))}
    keys = {f"rk_test_{name}": {"rights": each} for name, each in permissions.items()} | {Sandbox.key: {}}
    (tmp_path / "keys.json").write_text(json.dumps({"keys": keys}))
    with Sandbox("--keys", str(tmp_path / "keys.json")) as sandbox:
        client = official(sandbox).v1
        ticks = Ticks(tmp_path, a_config(sandbox.url, capture="changes"))
        first = client.charges.create(A_CHARGE).id
        blind = [ticks.run(api_key="rk_test_blind")]
        since = ticks.state["bookmarks"]["charges"]
        client.charges.update(first, {"description": "changed while nobody may tell"})
        client.refunds.create({"charge": client.charges.create(A_CHARGE).id})
        sandbox.advance(TICK_S)
        blind.append(ticks.run(api_key="rk_test_blind"))
        until = ticks.state["bookmarks"]["charges"]

        seeing = ticks.run(api_key="rk_test_seeing")

        now = at_stripe(sandbox, "charges", [each["id"] for each in sandbox.objects("charge")])
    assert [done.code for done in blind] == [2, 2]
    assert all("rak_event_read" in done.log for done in blind)
    assert [len(done.records("charges")) for done in blind] == [1, 1]
    assert len(blind[1].records("refunds")) == 1
    assert until["events_through"] == since["events_through"]
    assert until["replication_key_value"] > since["replication_key_value"]
    assert seeing.code == 0
    assert ticks.last("charges") == now
