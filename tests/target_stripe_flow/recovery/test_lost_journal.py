"""A journal that may lack rows: `journal init` finds out, runs refuse, `journal rebuild` makes it complete."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from tests.kills.target.rows import TYPES, WAYS, furnished, messages, rows_of
from tests.support.forking import started
from tests.support.official import official
from tests.support.plugins import Ended, a_config, a_record, a_schema, clean_env, command, run, run_target
from tests.support.sandbox import PLATFORM, Sandbox
from tests.target_stripe_flow.conftest import KINDS
from tests.target_stripe_flow.sharing import TIMEOUT_S, query

# Several actions and kinds of journal, and three or four runs in each case.
pytestmark = pytest.mark.volume(cases=1)

DAY_S = 25 * 3600
PERMISSIONS = {"customers": "customer", "products": "product", "prices": "plan", "charges": "charge"}
LIVE_KEY = "rk_live_charges"


@pytest.fixture(params=KINDS)
def new_journal(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes the journal_url of another empty journal, of each kind in turn."""
    names = iter(range(99))
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / f'journal-{next(names)}.db'}"
    database: Callable[[], str] = request.getfixturevalue("postgres").database
    return database


class Connection:
    """One target in a folder; its journal may be lost and created anew."""

    def __init__(self, sandbox: Sandbox, folder: Path, new_journal: Callable[[], str], **settings: object) -> None:
        self.sandbox, self.folder = sandbox, folder
        self._new_journal, self._settings = new_journal, settings
        self.lose()

    def lose(self) -> None:
        """From now on the journal is one that does not exist yet, and Stripe has forgotten all idempotency keys."""
        self.url = self._new_journal()
        self.sandbox.advance(DAY_S)

    def settings(self, **settings: object) -> dict[str, object]:
        return a_config(
            self.sandbox.url, journal_url=self.url, timeout_s=TIMEOUT_S * 10, **{**self._settings, **settings}
        )

    def run(self, lines: bytes | Iterable[Mapping[str, Any]], **settings: object) -> Ended:
        given = [lines] if isinstance(lines, bytes) else list(lines)
        return run_target(self.folder, self.settings(**settings), given)  # type: ignore[arg-type]  # messages or bytes

    def journal(self, *arguments: str, **settings: object) -> Ended:
        command("target_stripe_flow", self.folder, self.settings(**settings))
        line = [sys.executable, "-m", "stripe_flow_cli", "journal", *arguments, "--config", "target_stripe_flow.json"]
        done = run(line, self.folder)
        assert "Traceback" not in done.log
        return done

    @property
    def lacking(self) -> set[tuple[str, int]]:
        return {
            (action, int(since)) for action, since in query(self.url, "SELECT action, since_unix FROM needs_rebuild")
        }


@pytest.fixture
def connection(sandbox: Sandbox, tmp_path: Path, new_journal: Callable[[], str]) -> Connection:
    return Connection(sandbox, tmp_path, new_journal)


def input_of(sandbox: Sandbox, action: str, rows: int = 3) -> bytes:
    return messages(furnished(sandbox, rows_of([action], rows)))


def others(action: str) -> list[str]:
    return [name for name in ACTIONS if name != action]


@pytest.mark.promise(
    "target 10",
    "After `journal init` a run sends nothing that an earlier journal may have sent, until the rebuild",
)
@pytest.mark.parametrize("is_dry", [False, True], ids=["a run", "a dry run"])
@pytest.mark.parametrize("way", WAYS)
def test_after_init_a_run_sends_nothing_again_until_the_rebuild(
    *, way: str, is_dry: bool, connection: Connection, sandbox: Sandbox
) -> None:
    action, settings = WAYS[way]
    lines = input_of(sandbox, action)
    first = connection.run(lines, **settings)
    connection.lose()

    made = connection.journal("init", **settings)
    refused = connection.run(lines, dry_run=is_dry, **settings)
    lacking = connection.lacking
    rebuilt = connection.journal("rebuild", "--action", action, **settings)
    after = connection.run(lines, **settings)

    named = f"`stripe-flow journal rebuild --action {action} "
    assert (first.code, made.code, rebuilt.code) == (0, 0, 0)
    assert f"{action}: objects at " in made.output
    assert named in made.output
    assert (refused.code, len(refused.errors), refused.output) == (1, 1, "")
    assert named in refused.errors[0]
    assert lacking == {(action, 0)}
    assert connection.lacking == set()
    assert after.summary == "3 records: 3 unchanged"
    assert len([each for each in sandbox.objects(TYPES[action]) if "stripe_flow" in each["metadata"]]) == 3


def test_of_an_account_without_markers_init_makes_a_whole_journal(connection: Connection, sandbox: Sandbox) -> None:
    official(sandbox).v1.customers.create({"name": "Ann", "metadata": {"stripe_flow": "no marker", "other": "1"}})

    made = connection.journal("init")
    after = connection.run(input_of(sandbox, "customers"))

    assert made.output.splitlines() == [made.output.strip()]
    assert connection.lacking == set()
    assert after.summary == "3 records: 3 created"


def test_records_of_the_other_actions_keep_their_outcome(connection: Connection, sandbox: Sandbox) -> None:
    connection.run(input_of(sandbox, "charges"))
    connection.lose()
    connection.journal("init")

    done = connection.run(input_of(sandbox, "customers") + input_of(sandbox, "charges"))

    assert done.code == 1
    assert "rebuild --action charges" in done.errors[0]
    assert "3 records: 3 created" in done.log
    assert json.loads(done.output.splitlines()[-1]) == {"rows": 3}
    assert len(sandbox.objects("charge")) == 3


def test_a_schema_without_records_stops_no_run(connection: Connection, sandbox: Sandbox) -> None:
    connection.run(input_of(sandbox, "charges"))
    connection.lose()
    connection.journal("init")

    done = connection.run([a_schema("charges"), a_schema("customers"), a_record("customers", id=1, name="Ann")])

    assert (done.code, done.summary) == (0, "1 records: 1 created")


@pytest.mark.parametrize(
    ("action", "referring", "field"),
    [(named, action, field) for action, spec in ACTIONS.items() for field, named in spec.references.items()],
)
def test_a_key_of_a_record_that_may_be_missing_stops_the_run_and_is_no_reject(
    action: str, referring: str, field: str, connection: Connection, sandbox: Sandbox
) -> None:
    connection.run(input_of(sandbox, action))
    connection.lose()
    connection.journal("init")
    record = {"id": 99, field: "0"} | NEEDED[referring, field]

    refused = connection.run([a_schema(referring), a_record(referring, **record)])

    assert (refused.code, refused.output) == (1, "")
    assert f"rebuild --action {action} " in refused.errors[0]
    assert not (connection.folder / "stripe-flow-rejects.jsonl").exists()


MONEY = {"amount": 100, "currency": "usd"}
# The other parameters of a record that names one of another action.
NEEDED: Mapping[tuple[str, str], dict[str, object]] = {
    ("prices", "product"): {"currency": "usd", "unit_amount": 5},
    ("charges", "customer"): MONEY,
    ("refunds", "charge"): {"amount": 100},
    ("refunds", "customer"): MONEY | {"origin": "customer_balance"},
}


@pytest.fixture
def live(tmp_path: Path) -> Iterable[Sandbox]:
    keys = {"accounts": {"acct_A": {}}, "keys": {LIVE_KEY: {"account": "acct_A", "rights": {"charge": "write"}}}}
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    with Sandbox("--keys", str(tmp_path / "keys.json"), "--live") as running:
        yield running


CHARGE = [a_schema("charges"), a_record("charges", id=1, amount=100, currency="usd", source="tok_visa")]
CUSTOMER = [a_schema("customers"), a_record("customers", id=1, name="Ann")]


@pytest.mark.volume
def test_a_key_that_may_not_list_other_objects_rebuilds_its_own(
    live: Sandbox, tmp_path: Path, new_journal: Callable[[], str]
) -> None:
    settings = {"api_key": LIVE_KEY, "account_label": "main", "allow_live": True}
    connection = Connection(live, tmp_path, new_journal, **settings)
    first = [connection.journal("init"), connection.run(CHARGE)]
    connection.lose()

    missing = connection.run(CHARGE)
    made, refused = connection.journal("init"), connection.run(CHARGE)
    rebuilt = connection.journal("rebuild")
    same, unread = connection.run(CHARGE), connection.run(CUSTOMER)

    assert [each.code for each in first] == [0, 0]
    assert (missing.code, refused.code) == (1, 1)
    assert "customers: the list cannot be read: " in made.output
    assert rebuilt.code == 2
    assert "charges: 1 at Stripe, 1 with a marker, 1 new in the journal" in rebuilt.output
    assert "customers: not read to the end: " in rebuilt.log
    assert "rak_customer_read" in rebuilt.log
    assert (same.code, same.summary) == (0, "1 records: 1 unchanged")
    assert (unread.code, "rebuild --action customers " in unread.errors[0]) == (1, True)
    assert len(live.objects("charge", "acct_A")) == 1
    assert connection.journal("rebuild", "--action", "charges").code == 0


@pytest.mark.promise(
    "target 10",
    "A rebuild without permission for one list reads the others; that action stays refused",
)
@pytest.mark.parametrize("action", ["customers", "products", "prices", "charges"])
def test_rebuild_leaves_out_a_list_that_the_key_may_not_read(
    action: str, tmp_path: Path, new_journal: Callable[[], str]
) -> None:
    rights = dict.fromkeys(("customer", "product", "plan", "charge", "payment_intent", "billing_clock"), "write")
    keys = {
        "sk_test_all": {"account": "acct_A"},
        "rk_test_some": {"account": "acct_A", "rights": rights | {PERMISSIONS[action]: "none"}},
    }
    (tmp_path / "keys.json").write_text(json.dumps({"accounts": {"acct_A": {}}, "keys": keys}))
    with Sandbox("--keys", str(tmp_path / "keys.json")) as some:
        connection = Connection(some, tmp_path, new_journal, api_key="sk_test_all", account_id="acct_A")
        connection.run(CUSTOMER)
        connection.lose()

        rebuilt = connection.journal("rebuild", api_key="rk_test_some")
        lacking = {name for name, _ in connection.lacking}
        refused = connection.run([a_schema(action), a_record(action, id=1, name="Ann")])
        whole = connection.journal("rebuild")

    assert rebuilt.code == 2
    assert f"rak_{PERMISSIONS[action]}_read" in rebuilt.log
    assert f"rebuild --action {action} " in rebuilt.log
    assert action in lacking
    assert lacking <= {action, "refunds"}, "a refund's list needs the permission of charges"
    assert (refused.code, whole.code, connection.lacking) == (1, 0, set())


def test_a_payment_intents_list_is_needed_where_a_charge_came_through_one(
    tmp_path: Path, new_journal: Callable[[], str]
) -> None:
    keys = {
        "sk_test_all": {"account": "acct_A"},
        "rk_test_charges": {"account": "acct_A", "rights": {"charge": "write"}},
    }
    (tmp_path / "keys.json").write_text(json.dumps({"accounts": {"acct_A": {}}, "keys": keys}))
    with Sandbox("--keys", str(tmp_path / "keys.json")) as some:
        connection = Connection(some, tmp_path, new_journal, api_key="sk_test_all", account_id="acct_A")
        connection.run(CHARGE, charge_with="payment_intents")
        connection.lose()

        rebuilt = connection.journal("rebuild", "--action", "charges", api_key="rk_test_charges")
        refused = connection.run(CHARGE)
        whole = connection.journal("rebuild", "--action", "charges")

        assert (rebuilt.code, refused.code, whole.code) == (2, 1, 0)
        assert "rak_payment_intent_read" in rebuilt.log
        assert ("charges", 0) not in connection.lacking
        assert len(some.objects("charge", "acct_A")) == 1


@pytest.mark.promise("target 10", "A killed rebuild (SIGKILL) leaves each action refused")
@pytest.mark.parametrize("action", ACTIONS)
def test_a_killed_rebuild_leaves_every_action_refused(
    action: str, connection: Connection, sandbox: Sandbox, tmp_path: Path
) -> None:
    lines = input_of(sandbox, action)
    connection.run(lines)
    connection.lose()
    path = ACTIONS[action].path
    sandbox.faults({"name": "hold", "match": {"method": "GET", "path": path}, "action": {"kind": "hold"}})

    command("target_stripe_flow", tmp_path, connection.settings())
    line = [sys.executable, "-m", "stripe_flow_cli", "journal", "rebuild", "--config", "target_stripe_flow.json"]
    (tmp_path / "nothing").touch()
    with started(
        line, tmp_path, clean_env(), given=tmp_path / "nothing", output=tmp_path / "o", log=tmp_path / "l"
    ) as process:
        sandbox.wait_until_held("hold")
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    sandbox.release("hold")
    sandbox.faults()
    refused = connection.run(lines)
    rebuilt = connection.journal("rebuild")
    after = connection.run(lines)

    assert (refused.code, f"rebuild --action {action} " in refused.errors[0]) == (1, True)
    assert (rebuilt.code, connection.lacking) == (0, set())
    assert after.summary == "3 records: 3 unchanged"
    assert len([each for each in sandbox.objects(TYPES[action]) if "stripe_flow" in each["metadata"]]) == 3


@pytest.mark.parametrize("code", [400, 404])
def test_an_unfinished_rebuild_exits_with_2_and_goes_on_with_the_other_lists(
    code: int, connection: Connection, sandbox: Sandbox
) -> None:
    connection.run(input_of(sandbox, "customers") + input_of(sandbox, "charges"))
    connection.lose()
    answer = {"kind": "answer", "status": code, "error": {"type": "invalid_request_error"}}
    sandbox.faults({"match": {"method": "GET", "path": "/v1/customers"}, "action": answer})

    rebuilt = connection.journal("rebuild")

    assert rebuilt.code == 2
    assert "customers: not read to the end: " in rebuilt.log
    assert "charges: 3 at Stripe, 3 with a marker, 3 new" in rebuilt.output
    assert connection.lacking == {("customers", 0)}


def test_stripe_unreachable_in_a_rebuild_leaves_what_was_not_read(connection: Connection, sandbox: Sandbox) -> None:
    connection.run(input_of(sandbox, "customers"))
    connection.lose()
    refused = {"kind": "answer", "status": 401, "error": {"type": "invalid_request_error"}}
    sandbox.faults({"match": {"method": "GET", "path": "/v1/prices"}, "action": refused})

    rebuilt = connection.journal("rebuild")

    assert rebuilt.code == 4
    assert {name for name, _ in connection.lacking} == {"prices", "charges", "refunds"}


@pytest.mark.volume
def test_since_counts_for_objects_created_since(connection: Connection, sandbox: Sandbox) -> None:
    lines = input_of(sandbox, "customers")
    connection.run(lines)
    since = sandbox.clock() + 1
    connection.lose()
    connection.journal("init")

    part = connection.journal("rebuild", "--action", "customers", "--since", iso(since))
    refused = connection.run(lines)
    whole = connection.journal("rebuild", "--action", "customers", "--since", "2020-01-01")
    still = connection.lacking
    connection.journal("rebuild", "--action", "customers")

    assert part.code == 0
    assert "only objects created since" in part.log
    assert "rebuild --action customers " in part.log
    assert (refused.code, whole.code, still) == (1, 0, {("customers", 0)})
    assert connection.lacking == set()


def test_since_completes_a_restored_journal(connection: Connection, sandbox: Sandbox) -> None:
    """What the journal had before the date, it has; an interrupted rebuild since then lacks only what is newer."""
    connection.run(input_of(sandbox, "customers"))
    since = sandbox.clock()
    forbidden = {"kind": "answer", "status": 400, "error": {"type": "invalid_request_error"}}
    sandbox.faults({"match": {"method": "GET", "path": "/v1/customers"}, "action": forbidden})
    failed = connection.journal("rebuild", "--action", "customers", "--since", iso(since))
    lacking = connection.lacking
    sandbox.faults()

    later = connection.journal("rebuild", "--action", "customers", "--since", iso(since + 5))
    kept = connection.lacking
    done = connection.journal("rebuild", "--action", "customers", "--since", iso(since))

    assert (failed.code, later.code, done.code) == (2, 0, 0)
    assert lacking == kept == {("customers", since)}
    assert connection.lacking == set()


def iso(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat()


def test_beside_says_that_another_journal_holds_the_objects(connection: Connection, sandbox: Sandbox) -> None:
    connection.run(input_of(sandbox, "customers"), source_name="other")
    connection.lose()
    connection.journal("init")
    lacking = connection.lacking

    beside = connection.journal("init", "--beside")
    after = connection.run(CUSTOMER)
    connection.lose()
    new = connection.journal("init", "--beside")

    assert lacking == {("customers", 0)}
    assert (beside.code, after.summary) == (0, "1 records: 1 created")
    assert new.output.startswith("created the journal")
    assert connection.lacking == set()


@pytest.mark.volume
def test_init_again_neither_forgets_nor_searches_a_journal_in_use(connection: Connection, sandbox: Sandbox) -> None:
    connection.run(input_of(sandbox, "customers"))
    connection.lose()
    connection.journal("init")
    for _ in range(100):
        official(sandbox).v1.customers.create({"name": "Bob"})

    again = connection.journal("init", "--json")
    connection.journal("rebuild")
    requests = len(sandbox.requests())
    used = connection.journal("init", "--json")

    assert json.loads(again.output)["needs_rebuild"] == ["customers"]
    assert json.loads(used.output) | {"journal": ""} == {"journal": "", "is_new": False, "rows": 3, "needs_rebuild": []}
    assert {each["path"] for each in sandbox.requests()[requests:]} == {"/v1/account"}


def test_a_journal_of_another_account_is_searched_for_this_one(connection: Connection, sandbox: Sandbox) -> None:
    connection.run(input_of(sandbox, "customers"))
    connection.lose()
    connection.run(CUSTOMER, account_id="acct_1SandboxConnected")

    made = connection.journal("init")

    assert "customers: objects at " in made.output
    assert query(connection.url, "SELECT account, mode, action FROM needs_rebuild") == [(PLATFORM, "test", "customers")]


@pytest.mark.parametrize("has_more", [False, True])
def test_a_list_that_promises_more_than_it_shows_is_not_rebuilt(
    *, has_more: bool, connection: Connection, sandbox: Sandbox
) -> None:
    lines = input_of(sandbox, "charges", 130)
    connection.run(lines)
    connection.lose()
    hole = {"kind": "empty_page", "has_more": has_more}
    sandbox.faults({"match": {"method": "GET", "path": "/v1/charges"}, "at": "before_answer", "action": hole})

    rebuilt = connection.journal("rebuild", "--action", "charges")
    sandbox.faults()
    after = connection.run(lines)

    if rebuilt.code == 0:
        assert after.summary.startswith("130 records: ")
        assert "created" not in after.summary
    else:
        assert (rebuilt.code, after.code) == (2, 1)
        assert "charges: not read to the end: " in rebuilt.log
        assert ("charges", 0) in connection.lacking
    assert len(sandbox.objects("charge")) == 130


@pytest.mark.parametrize("hidden", ["an inactive price", "a customer of a test clock"])
def test_init_searches_what_a_list_shows_only_if_asked(hidden: str, connection: Connection, sandbox: Sandbox) -> None:
    client, marker = official(sandbox).v1, {"stripe_flow": f"{'a' * 32}:1"}
    if hidden == "an inactive price":
        price = client.prices.create({"currency": "usd", "unit_amount": 5, "product_data": {"name": "x"}})
        client.prices.update(price.id, {"active": False, "metadata": marker})
        action = "prices"
    else:
        clock = client.test_helpers.test_clocks.create({"frozen_time": sandbox.clock()})
        client.customers.create({"test_clock": clock.id, "metadata": marker})
        action = "customers"

    connection.journal("init")

    assert connection.lacking == {(action, 0)}


def test_without_a_key_init_creates_nothing_and_says_what_to_add(tmp_path: Path) -> None:
    done = run([sys.executable, "-m", "stripe_flow_cli", "journal", "init"], tmp_path)

    assert (done.code, len(done.errors)) == (1, 1)
    assert "--config FILE or --config ENV" in done.errors[0]
    assert "--beside" in done.errors[0]
    assert list(tmp_path.iterdir()) == []


def test_an_account_that_cannot_be_read_creates_nothing_and_names_the_settings(
    tmp_path: Path, new_journal: Callable[[], str]
) -> None:
    keys = {"accounts": {"acct_A": {}}, "keys": {"rk_test_x": {"account": "acct_A", "rights": {"charge": "write"}}}}
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    with Sandbox("--keys", str(tmp_path / "keys.json")) as some:
        connection = Connection(some, tmp_path, new_journal, api_key="rk_test_x")

        done = connection.journal("init")

    assert (done.code, len(done.errors)) == (1, 1)
    assert "set account_id" in done.errors[0]
    assert "account_label" in done.errors[0]
    assert "there is no journal" in connection.journal("list").log


def test_a_test_run_without_init_creates_a_whole_journal(connection: Connection, sandbox: Sandbox) -> None:
    connection.run(CUSTOMER)

    assert connection.lacking == set()
    assert len(sandbox.requests()) == 3, "it searches nothing"


# The settings of `journal init`, and those of the next run: the name of the account may have changed in between.
SEEING, BLIND = "sk_test_A", "rk_test_blind_A"
NAMES: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "init without the permission, then with it": (
        {"api_key": BLIND, "account_label": "main"},
        {"api_key": SEEING, "account_label": "main"},
    ),
    "init without the permission, then without the label": (
        {"api_key": BLIND, "account_label": "main"},
        {"api_key": SEEING},
    ),
    "init with the permission, then without it": (
        {"api_key": SEEING},
        {"api_key": BLIND, "account_label": "main"},
    ),
    "neither has it": ({"api_key": BLIND, "account_label": "main"}, {"api_key": BLIND, "account_label": "main"}),
}


@pytest.mark.volume
@pytest.mark.parametrize("names", NAMES)
def test_a_lost_journal_is_one_under_whatever_name_the_account_goes(
    names: str, tmp_path: Path, new_journal: Callable[[], str]
) -> None:
    keys = tmp_path / "keys.json"
    rights = {"charge": "write", "customer": "write", "product": "write", "plan": "write"}
    blind = {"account": "acct_A", "rights": rights}
    keys.write_text(json.dumps({"accounts": {"acct_A": {}}, "keys": {SEEING: {"account": "acct_A"}, BLIND: blind}}))
    of_init, of_run = NAMES[names]
    charge = [a_schema("charges"), a_record("charges", id=1, amount=500, currency="usd", source="tok_visa")]
    with Sandbox("--keys", str(keys)) as sandbox:
        connection = Connection(sandbox, tmp_path, new_journal)
        first = connection.run(charge, **of_init)
        connection.lose()

        made = connection.journal("init", **of_init)
        after = connection.run(charge, **of_run)

        assert (first.code, made.code, after.code) == (0, 0, 1), after.log
        assert len(sandbox.objects("charge", "acct_A")) == 1
