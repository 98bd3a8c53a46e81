"""An identity cannot change unnoticed: the journal remembers each source's streams and key names, and a run keeps to
them. The effects are counted at the sandbox, on both kinds of journal, in real runs and in dry runs.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.journal.location import Location, location_of
from target_stripe_flow.journal.sources import Source, bind_source, read_sources
from tests.kills.target.rows import TYPES, fields_of
from tests.support.forking import started
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, clean_env, command, run, run_target
from tests.support.sandbox import PLATFORM, Sandbox
from tests.target_stripe_flow.sharing import HELD, UNDO_TO_RELEASE_BEFORE, execute, query

# Several actions, two kinds of journal, and three or four runs in each case.
pytestmark = pytest.mark.volume(cases=1)

KEY = {"shop": "1", "no": "2"}
AGAIN = "another source_name would order every record again"


@dataclass
class World:
    """A sandbox, a journal, and one valid record of an action, which comes under any stream."""

    sandbox: Sandbox
    folder: Path
    journal_url: str
    action: str
    fields: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fields = fields_of(self.sandbox, self.action)
        self.before = len(self.made())

    def stream(self, name: str = "rows", keys: tuple[str, ...] = ("shop", "no"), **values: object) -> list[Message]:
        """A SCHEMA and one record."""
        row = {key: KEY.get(key, "3") for key in keys} | KEY | self.fields | values
        return [schema(name, *keys), a_record(name, **row)]

    def send(self, *streams: list[Message], **settings: object) -> Ended:
        lines = [line for stream in streams for line in stream]
        names = {line["stream"] for line in lines}
        maps = {name: {"__alias__": self.action} for name in names}
        config = a_config(self.sandbox.url, journal_url=self.journal_url, stream_maps=maps) | settings
        return run_target(self.folder, config, lines)

    def refused(self, *streams: list[Message], **settings: object) -> str:
        """The message of a run that must end with 1, the same as that of a dry run, which writes nothing."""
        rows = self.remembered()
        dry = self.send(*streams, **settings, dry_run=True)
        assert self.remembered() == rows
        real = self.send(*streams, **settings)
        assert (dry.code, real.code) == (1, 1), dry.log + real.log
        assert dry.errors == real.errors
        [message] = real.errors
        assert AGAIN in message
        return message

    def remembered(self) -> list[tuple[Any, ...]]:
        if not self.location.is_there():
            return []
        return query(self.location, "SELECT * FROM sources ORDER BY action, source_name")

    @property
    def location(self) -> Location:
        return location_of({"journal_url": self.journal_url})

    def made(self) -> list[Message]:
        return [each for each in self.sandbox.objects(TYPES[self.action]) if "stripe_flow" in each["metadata"]]

    @property
    def count(self) -> int:
        return len(self.made()) - self.before

    def do(self, message: str, verb: str) -> Ended:
        """Run the first command of this verb that the message names, as it stands, with the settings' journal."""
        line = next(each for each in re.findall(r"`stripe-flow ([^`]+)`", message) if f" {verb} " in each)
        line = line.replace(verb, f"{verb} --config target_stripe_flow.json", 1)
        words = run(["sh", "-c", rf"printf '%s\0' {line}"], self.folder).output.split("\0")[:-1]
        done = run([sys.executable, "-m", "stripe_flow_cli", *words], self.folder)
        assert done.code == 0, done.log
        return done


@pytest.fixture(params=ACTIONS)
def world(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path, journal_url: str) -> World:
    """Each action on each kind of journal."""
    return World(sandbox, tmp_path, journal_url, request.param)


@pytest.fixture
def charges(sandbox: Sandbox, tmp_path: Path, journal_url: str) -> World:
    return World(sandbox, tmp_path, journal_url, "charges")


def schema(stream: str, *keys: str) -> Message:
    """A SCHEMA that names its keys and a few other columns: a stream map needs that of the keys."""
    columns = {name: {"type": ["string", "integer"]} for name in (*keys, "id", "shop", "no")}
    return a_schema(stream, *keys) | {"schema": {"properties": columns}}


@pytest.mark.promise("target 2", "Key names in another order are the same keys")
def test_key_names_in_another_order_are_the_same_keys(world: World) -> None:
    world.send(world.stream(keys=("shop", "no")))

    turned = world.stream(keys=("no", "shop"))
    dry, again = world.send(turned, dry_run=True), world.send(turned)

    assert (dry.code, again.code, world.count) == (0, 0, 1), again.log
    assert dry.summary == again.summary == "1 records: 1 unchanged"
    assert "has the key_properties no, shop; its identities keep the order shop, no" in again.log


@pytest.mark.promise("target 2", "Other key names end the run before anything of the stream is sent")
def test_other_key_names_end_the_run_before_anything_is_sent(world: World) -> None:
    world.send(world.stream(keys=("shop", "no")))

    message = world.refused(world.stream(keys=("no",)))

    assert world.count == 1
    assert "with the key_properties no," in message
    assert "with the key_properties shop, no." in message
    assert message.index(AGAIN) < message.index("`")


@pytest.mark.parametrize(
    "keys", [("shop",), ("shop", "no", "sku"), ("shop", "number"), ("a", "b"), ("no", "no"), ("shop", "no", "no")]
)
def test_a_subset_a_superset_a_new_name_and_a_repeated_name_are_other_key_names(
    keys: tuple[str, ...], charges: World
) -> None:
    charges.send(charges.stream(keys=("shop", "no")))

    message = charges.refused(charges.stream(keys=keys))

    assert charges.count == 1
    assert f"with the key_properties {', '.join(keys)}," in message
    # Only as many names as before can be the old ones with new names.
    assert ("journal source rename" in message) == (len(keys) == 2)


def test_renamed_key_columns_are_the_same_records_once_a_person_says_so(world: World) -> None:
    world.send(world.stream(keys=("shop", "no")))
    renamed = [
        schema("rows", "number", "shop"),
        a_record("rows", number=KEY["no"], shop=KEY["shop"], **world.fields),
    ]
    message = world.refused(renamed)
    assert "If no is now number: `stripe-flow journal source rename default --action" in message
    assert "--keys shop,number --config " in message

    world.do(message, "rename")
    again = world.send(renamed)

    assert (again.code, again.summary, world.count) == (0, "1 records: 1 unchanged", 1)
    assert "shop, no" in world.refused(world.stream(keys=("shop", "no"))), "the old names are other ones now"


@pytest.mark.promise("target 2", "Another input stream ends the run until a person says that it was renamed")
def test_another_input_stream_ends_the_run_until_a_person_says_that_it_was_renamed(world: World) -> None:
    world.send(world.stream("orders"))

    message = world.refused(world.stream("orders_v2"))

    assert world.count == 1
    assert "from the stream orders_v2, and the journal knows them from the stream orders." in message
    world.do(message, "rename")
    again = world.send(world.stream("orders_v2"))
    assert (again.code, again.summary, world.count) == (0, "1 records: 1 unchanged", 1)


def test_the_input_stream_counts_and_not_its_alias(charges: World) -> None:
    """A stream map that changes, or a stream that is named as its action, is another input stream."""
    charges.send(charges.stream("orders"))

    message = charges.refused(charges.stream("charges"))

    assert "from the stream charges, and the journal knows them from the stream orders." in message
    assert charges.count == 1


@pytest.mark.promise("target 2", "A new `source_name` ends the run until a person adds it")
def test_a_new_source_name_ends_the_run_until_a_person_adds_it(world: World) -> None:
    world.send(world.stream())

    message = world.refused(world.stream(), source_name="crm")

    assert world.count == 1
    assert (
        f"has no {world.action} of the source_name crm. It has records of these source_names: 1 of default." in message
    )
    shown = world.do(message, "add")
    assert "1 of default" in shown.output
    assert world.send(world.stream(), source_name="crm").summary == "1 records: 1 created"
    assert world.count == 2


def test_where_an_action_has_no_record_yet_every_name_binds(charges: World) -> None:
    customers = World(charges.sandbox, charges.folder, charges.journal_url, "customers")
    customers.send(customers.stream("people"), source_name="crm")

    done = charges.send(charges.stream("orders"), source_name="shop")

    assert (done.code, charges.count) == (0, 1)


@pytest.mark.volume
def test_a_name_whose_records_were_all_rejected_does_not_stop_the_right_one(charges: World) -> None:
    charges.send(charges.stream(amount="7"), source_name="hsop")

    done = charges.send(charges.stream(), source_name="shop")

    assert (done.code, charges.count) == (0, 1)
    charges.refused(charges.stream(), source_name="hsop")
    assert charges.count == 1


@pytest.mark.promise("target 2", "Two streams of one action in one run need source names of their own")
def test_two_streams_of_one_action_in_one_run_need_names_of_their_own(world: World) -> None:
    """The record before the second stream keeps its status, and nothing of the second one is sent."""
    one, other = world.stream("orders_a"), world.stream("orders_b")

    real = world.send(one, other)

    assert (real.code, world.count, real.summary) == (1, 1, "1 records: 1 created")
    [message] = real.errors
    assert "from the stream orders_b, and the journal knows them from the stream orders_a." in message
    assert "journal source rename" not in message, "this run has read both, so neither was renamed"
    names = {"orders_a": "a", "orders_b": "b"}
    assert "1 of default" in world.refused(one, other, source_names=names)
    assert world.count == 1


def test_two_streams_with_names_of_their_own_are_two_sources(world: World) -> None:
    one, other = world.stream("orders_a"), world.stream("orders_b")
    names = {"orders_a": "a", "orders_b": "b"}

    dry = world.send(one, other, source_names=names, dry_run=True)
    first = world.send(one, other, source_names=names)
    again = world.send(other, one, source_names=names)

    assert (dry.summary, first.summary, world.count) == ("2 records: 2 created", "2 records: 2 created", 2)
    assert (again.code, again.summary) == (0, "2 records: 2 unchanged")


def test_two_streams_that_were_added_to_one_source_share_their_keys(world: World) -> None:
    one, other = world.stream("orders_a"), world.stream("orders_b")
    [message] = world.send(one, other).errors

    world.do(message, "add")
    again = world.send(one, other)

    assert (again.code, again.summary, world.count) == (0, "2 records: 2 unchanged", 1)


@pytest.mark.promise("target 2", "Each record is keyed by the SCHEMA before it")
def test_each_record_is_keyed_by_its_own_schema(world: World) -> None:
    """Both SCHEMAs come first or each before its record; the keys are of two kinds."""
    one = [schema("orders_a", "id"), a_record("orders_a", id=1, no="A-7", **world.fields)]
    other = [schema("orders_b", "no"), a_record("orders_b", id=55, no="B-9", **world.fields)]
    names = {"orders_a": "a", "orders_b": "b"}

    refused = world.send([one[0], other[0], one[1], other[1]])
    first = world.send(one, other, source_names=names)
    again = world.send([one[0], other[0], one[1], other[1]], source_names=names)

    assert (refused.code, first.code, again.code) == (1, 0, 0), refused.log + first.log
    assert (
        "orders_b with the key_properties no, and the journal knows them from the stream orders_a" in refused.errors[0]
    )
    assert (again.summary, world.count) == ("2 records: 2 unchanged", 2)
    keys = query(world.location, "SELECT source_name, source_key FROM attempts ORDER BY source_name")
    assert keys == [("a", '["1"]'), ("b", '["B-9"]')]


def test_within_a_run_the_keys_may_change_their_order_only(charges: World) -> None:
    turned = charges.stream(keys=("no", "shop"))

    same = charges.send(charges.stream(keys=("shop", "no")), turned)
    other = charges.send(charges.stream(keys=("shop", "no")), charges.stream(keys=("no",)))

    assert (same.code, same.summary) == (0, "2 records: 1 created, 1 unchanged")
    assert (other.code, charges.count) == (1, 1)
    assert "changes the key_properties of the stream rows from shop, no to no" in other.errors[0]


@pytest.mark.volume
def test_a_stream_map_that_sets_the_keys_is_what_identities_are_made_of(charges: World) -> None:
    def mapped(keys: list[str]) -> dict[str, object]:
        return {"rows": {"__alias__": "charges", "__key_properties__": keys, "number": "no"}}

    charges.send(charges.stream(), stream_maps=mapped(["number", "shop"]))
    again = charges.send(charges.stream(), stream_maps=mapped(["shop", "number"]))

    assert (again.code, again.summary, charges.count) == (0, "1 records: 1 unchanged", 1)
    charges.refused(charges.stream(), stream_maps=mapped(["shop"]))
    assert charges.count == 1


def as_the_release_before_left_it(location: Location) -> None:
    """The journal without what this release adds: its rows name their source, and nothing knows streams or keys."""
    execute(location, *UNDO_TO_RELEASE_BEFORE)


@pytest.mark.promise("target 2", "A journal of an older release binds its sources at its first run")
def test_a_journal_of_an_older_release_binds_at_its_first_run_and_keeps_its_names(world: World) -> None:
    world.send(world.stream("orders"), source_name="shop")
    as_the_release_before_left_it(world.location)

    nameless = nameless_run(world)
    other = world.send(world.stream("orders"), source_name="default")
    same = world.send(world.stream("orders"), source_name="shop")

    assert nameless.code == other.code == 1
    assert 'has "shop"' in nameless.errors[0]
    assert "1 of shop" in other.errors[0]
    assert (same.code, same.summary, world.count) == (0, "1 records: 1 unchanged", 1)
    world.refused(world.stream("orders", ("no",)), source_name="shop")


@pytest.mark.parametrize("keys", [("no",), ("shop", "no", "id")])
def test_a_journal_of_an_older_release_shows_how_many_keys_its_records_have(
    keys: tuple[str, ...], charges: World
) -> None:
    charges.send(charges.stream())
    as_the_release_before_left_it(charges.location)
    with charges.location.open_journal():  # migrates it, as a dry run must not
        pass

    message = charges.refused(charges.stream(keys=keys))

    assert charges.count == 1
    assert "knows them by a key of 2 values" in message
    assert charges.send(charges.stream()).summary == "1 records: 1 unchanged"


def nameless_run(world: World, **settings: object) -> Ended:
    """A run without source_name."""
    config = a_config(world.sandbox.url, journal_url=world.journal_url) | settings
    path = world.folder / "nameless.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    line = [sys.executable, "-m", "target_stripe_flow", "--config", str(path)]
    lines = world.stream(world.action)
    return run(line, world.folder, b"".join(json.dumps(each).encode() + b"\n" for each in lines))


def test_without_a_source_name_nothing_is_sent_and_the_message_lists_the_known_ones(charges: World) -> None:
    first = nameless_run(charges)
    charges.send(charges.stream(), source_name="crm")
    second, dry = nameless_run(charges), nameless_run(charges, dry_run=True)

    assert (first.code, second.code, dry.code, charges.count) == (1, 1, 1, 1)
    for done, names in ((first, "has no name yet"), (second, 'has "crm"'), (dry, 'has "crm"')):
        [message] = done.errors
        assert "setting source_name is missing" in message
        assert names in message
        assert "`source_name: default` continues a journal from before it was required" in message


@pytest.mark.parametrize("name", [" shop", "shop\t", "sh\u200bop", "\ufeffshop", "shop\n"])
def test_a_new_name_that_reads_like_another_is_refused(name: str, charges: World) -> None:
    done = charges.send(charges.stream(), source_name=name)

    assert (done.code, charges.count) == (1, 0)
    assert "invisible characters" in done.errors[0]


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800"])
def test_a_name_that_is_no_text_is_refused(name: str, charges: World) -> None:
    done = charges.send(charges.stream(), source_names={"rows": name})

    assert (done.code, charges.count) == (1, 0)
    assert "must be text, and not empty" in done.errors[0]


@pytest.mark.parametrize("name", ["Müller & Söhne", "it's", "-dash", "a b", '"q"', "$HOME", "{x}", "😀"])
def test_a_command_of_a_message_can_be_copied_whatever_the_names_are(name: str, charges: World) -> None:
    charges.send(charges.stream(name), source_name=name)

    renamed = charges.refused(charges.stream(f"{name} 2"), source_name=name)
    charges.do(renamed, "rename")
    added = charges.refused(charges.stream(f"{name} 2"), source_name=f"{name} 3")
    charges.do(added, "add")

    assert charges.send(charges.stream(f"{name} 2"), source_name=name).summary == "1 records: 1 unchanged"
    assert charges.send(charges.stream(f"{name} 2"), source_name=f"{name} 3").summary == "1 records: 1 created"
    assert charges.count == 2


def test_a_run_that_was_killed_before_its_second_source_had_a_record_goes_on(charges: World) -> None:
    """Two names that one run has bound side by side are two sources, although only one has records yet."""
    one, other = charges.stream("orders_a"), charges.stream("orders_b")
    names = {"orders_a": "a", "orders_b": "b"}
    config = a_config(
        charges.sandbox.url, journal_url=charges.journal_url, source_names=names, concurrency=1, timeout_s=1
    ) | {"stream_maps": {name: {"__alias__": "charges"} for name in names}}
    charges.sandbox.faults(HELD | {"at": "before_execute"})
    files = [charges.folder / name for name in ("input", "output", "log")]
    files[0].write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in [one[0], other[0], one[1], other[1]]))
    line = command("target_stripe_flow", charges.folder, config)
    process = started(line, charges.folder, clean_env(), given=files[0], output=files[1], log=files[2])
    charges.sandbox.wait_until_held("hold")
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    charges.sandbox.release("hold")
    charges.sandbox.faults()
    assert query(charges.location, "SELECT DISTINCT source_name FROM attempts") == [("a",)]

    done = run_target(charges.folder, config, [one[0], other[0], one[1], other[1]])

    assert (done.code, charges.count) == (0, 2), done.log


@pytest.mark.promise("workers", "Of several workers that bind one source at once, one decides")
@pytest.mark.parametrize("round_", range(5))
def test_of_several_workers_that_bind_one_source_at_once_one_decides(round_: int, shared_location: Location) -> None:
    keys = [("shop", "no"), ("no", "shop"), ("no",), ("id",)]
    found: list[Source] = []
    barrier = threading.Barrier(len(keys))

    def bind(names: tuple[str, ...]) -> None:
        with shared_location.open_journal() as journal:
            barrier.wait()
            wanted = Source(
                account=PLATFORM,
                mode="test",
                action="charges",
                source_name=str(round_),
                streams=(names[0],),
                key_names=names,
                bound_by=names[0],
            )
            found.append(bind_source(journal, wanted))

    threads = [threading.Thread(target=bind, args=(names,)) for names in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with shared_location.open_read_only() as journal:
        [remembered] = read_sources(journal)
    assert found == [remembered] * len(keys)


@pytest.mark.promise(
    "target 2",
    "A rebuilt journal binds its sources at its first run, and the run warns that markers have no `source_name`",
)
def test_a_rebuilt_journal_binds_at_its_first_run_and_says_what_it_cannot_know(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    world = World(sandbox, tmp_path, f"sqlite:///{tmp_path / 'journal.db'}", "charges")
    world.send(world.stream("orders"), source_name="shop")
    (tmp_path / "journal.db").unlink()
    for verb in ("init", "rebuild"):
        line = [sys.executable, "-m", "stripe_flow_cli", "journal", verb, "--config", "target_stripe_flow.json"]
        assert run(line, tmp_path).code == 0
    assert world.remembered() == []

    again = world.send(world.stream("orders"), source_name="shop")

    assert (again.code, again.summary, world.count) == (0, "1 records: 1 unchanged", 1)
    assert "a rebuild has found 1 of the charges in the journal" in again.log
    assert "a rebuild" not in world.send(world.stream("orders"), source_name="shop").log
    assert "1 of shop" in world.refused(world.stream("orders"), source_name="crm")


def test_a_charge_finds_the_customer_of_another_source_of_this_configuration(charges: World) -> None:
    people = [schema("people", "id"), a_record("people", id=7, name="Ann")]
    order = [
        schema("orders", "id"),
        a_record("orders", id=7, amount=100, currency="usd", customer="7", source="tok_visa"),
    ]
    order[1]["record"].pop("source")
    people[1]["record"]["source"] = "tok_visa"
    settings = {
        "source_name": "shop",
        "source_names": {"people": "crm"},
        "stream_maps": {"people": {"__alias__": "customers"}, "orders": {"__alias__": "charges"}},
    }

    together = charges.send(order, people, **settings)
    later = charges.send([order[0], a_record("orders", **order[1]["record"] | {"id": 8})], **settings)

    assert (together.code, later.code, charges.count) == (0, 0, 2), together.log + later.log
    [customer] = charges.sandbox.objects("customer")[:1]
    assert {each["customer"] for each in charges.made()} == {customer["id"]}


def test_a_charge_waits_for_the_customer_of_its_own_source_though_another_one_has_the_key(charges: World) -> None:
    settings = {
        "source_name": "shop",
        "source_names": {"people": "crm"},
        "stream_maps": {each: {"__alias__": "customers"} for each in ("people", "buyers")}
        | {"orders": {"__alias__": "charges"}},
    }
    people, buyers = (
        [schema(name, "id"), a_record(name, id=7, name=name, source="tok_visa")] for name in ("people", "buyers")
    )
    order = [schema("orders", "id"), a_record("orders", id=1, amount=100, currency="usd", customer="7")]

    done = charges.send(people, order, buyers, **settings)

    assert (done.code, charges.count) == (0, 1), done.log
    ids = {each["name"]: each["id"] for each in charges.sandbox.objects("customer")}
    assert [each["customer"] for each in charges.made()] == [ids["buyers"]]


def test_a_reference_that_two_other_sources_have_is_a_reject(charges: World) -> None:
    maps = {
        "stream_maps": {
            "eu": {"__alias__": "customers"},
            "us": {"__alias__": "customers"},
            "o": {"__alias__": "charges"},
        }
    }
    settings = maps | {"source_name": "shop", "source_names": {"eu": "eu", "us": "us"}}
    people = [[schema(name, "id"), a_record(name, id=7, name=name, source="tok_visa")] for name in ("eu", "us")]
    order = [schema("o", "id"), a_record("o", id=1, amount=100, currency="usd", customer="7")]

    done = charges.send(*people, order, **settings)

    assert (charges.count, done.summary.partition(" (")[0]) == (0, "3 records: 2 created, 1 rejected"), done.log
    rejected = (charges.folder / "stripe-flow-rejects.jsonl").read_text(encoding="utf-8")
    assert "is not clear: 2 records of customers have this key" in rejected
    assert "(source_name eu, us). Use the object's Stripe id" in rejected
