"""The commands that messages name: each can be copied as it stands, and is one that exists."""

from __future__ import annotations

import ast
import json
import re
import shlex
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest

from stripe_flow.api.commands import complete_commands, use_config, with_key
from stripe_flow_cli.doctor import doctor
from stripe_flow_cli.journal.commands import journal
from stripe_flow_cli.slices.command import slices
from target_stripe_flow.attempts.identity import Identity, Scope
from tests.messages.saying import assert_says
from tests.support.plugins import ROOT, Ended, a_config, a_record, a_schema, run
from tests.support.sandbox import PLATFORM, Sandbox

GROUP = click.Group("stripe-flow", {"journal": journal, "doctor": doctor, "slices": slices})
PACKAGES = ("stripe_flow", "stripe_flow_cli", "target_stripe_flow", "tap_stripe_flow")
# What a person fills in, or a message in its code.
EXAMPLES = {"KEY": "charges:1", "STRIPE_ID": "ch_1", "ACTION": "charges", "NAME": "crm", "acct_…": "acct_1"}
CARD = {"amount": 500, "currency": "usd", "source": "tok_visa"}


def texts(path: Path) -> Iterator[str]:
    """Each string in a module but its docstrings, with the expressions of f-strings as `charges`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    skipped: set[ast.AST] = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            skipped |= set(node.values)
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else "charges" for each in node.values)
    constants = [node for node in nodes if isinstance(node, ast.Constant) and node not in skipped]
    yield from (node.value for node in constants if isinstance(node.value, str))


def named() -> list[str]:
    """The commands between backticks in the strings of our code."""
    modules = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    modules.remove(ROOT / "stripe_flow" / "api" / "commands.py")  # it has their pattern
    every = [text for path in modules for text in texts(path)]
    return sorted({command for text in every for command in re.findall("`(stripe-flow [^`]*)`", text)})


def check(command: str) -> None:
    """Raises click.UsageError unless the command and its options exist, and its arguments are there."""
    words = shlex.split(command)[1:]
    words = [EXAMPLES.get(word, word) for word in words]
    group: click.Command = GROUP
    ctx = click.Context(GROUP)
    while isinstance(group, click.Group):
        name = words.pop(0)
        found = group.get_command(ctx, name)
        assert found is not None, f"{command}: there is no command {name}"
        group = found
    group.make_context(group.name, words, resilient_parsing=False)


# Put together of words at run time: the runs below name it.
BUILT = "stripe-flow journal source charges"


@pytest.mark.parametrize("command", [command for command in named() if command != BUILT])
def test_each_command_in_our_texts_exists_and_has_what_it_needs(command: str) -> None:
    check(complete_commands(f"`{command.replace('--as charges', '--as created ch_1')}`").strip("`"))


@pytest.mark.parametrize(
    ("config", "command", "completed"),
    [
        ([], "journal list", "stripe-flow journal list"),
        (["a b.json"], "journal list", "stripe-flow journal list --config 'a b.json'"),
        (["x.json", "ENV"], "journal list", "stripe-flow journal list --config x.json --config ENV"),
        (["x.json"], "journal source add --action charges -- -n", None),
        (["x.json"], "journal source add 'a -- b' --action charges", None),
        (["x.json"], "journal list --config y.json", "stripe-flow journal list --config y.json"),
    ],
)
def test_a_command_gets_the_settings_of_its_process(config: list[str], command: str, completed: str | None) -> None:
    use_config(config)
    try:
        made = complete_commands(f"Run `stripe-flow {command}` now").removeprefix("Run `").removesuffix("` now")
    finally:
        use_config([])

    assert completed in {None, made}
    assert "--config x.json" in made or completed is not None
    check(made)


@pytest.mark.parametrize(
    ("environment", "option"), [("", ""), ("dev", ""), ("prod", "--environment=prod "), ("a b", "--environment='a b' ")]
)
def test_a_command_under_meltano_is_meltanos(environment: str, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELTANO_LOADER_NAME", "target-stripe-flow--eu")
    monkeypatch.setenv("MELTANO_DEFAULT_ENVIRONMENT", "dev")
    monkeypatch.setenv("MELTANO_ENVIRONMENT", environment)

    text = with_key("`stripe-flow journal retry KEY` orders another attempt", "charges:1")

    assert complete_commands(text) == (
        f"`meltano {option}invoke target-stripe-flow--eu:journal retry charges:1` orders another attempt"
    )


def copied(done: Ended, folder: Path) -> list[Ended]:
    """The runs of the commands that the messages of a run name, as a person copies them."""
    found = re.findall("`(stripe-flow [^`]*)`", done.log + done.output)
    assert found, done.log
    lines = [shlex.split(command.replace("STRIPE_ID", "ch_1")) for command in dict.fromkeys(found)]
    return [run([sys.executable, "-m", "stripe_flow_cli", *line[1:]], folder) for line in lines]


@pytest.mark.promise("commands", "The commands that messages name can be copied")
def test_the_commands_that_runs_name_run_as_they_stand(sandbox: Sandbox, tmp_path: Path) -> None:
    config = tmp_path / "my settings.json"
    journal_url = "sqlite:///elsewhere.db"

    def target(*lines: object, **settings: object) -> Ended:
        config.write_text(json.dumps(a_config(sandbox.url, journal_url=journal_url, **settings)))
        stdin = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        return run([sys.executable, "-m", "target_stripe_flow", "--config", config.name], tmp_path, stdin)

    sandbox.faults({"match": {"method": "POST"}, "at": "before_execute", "action": {"kind": "answer", "status": 500}})
    doubt = target(a_schema("charges"), a_record("charges", id=1, **CARD), source_name="shop")
    sandbox.faults()
    other = target(a_schema("charges"), a_record("charges", id=1, **CARD), source_name="crm")

    assert (doubt.code, other.code) == (3, 1)
    [listed] = copied(doubt, tmp_path)
    assert (listed.code, "charges:1" in listed.output, "shop" in listed.output) == (0, True, True)
    added = copied(other, tmp_path)
    assert [each.code for each in added] == [0] * len(added), [each.log for each in added]

    declined = target(
        a_schema("charges"), a_record("charges", id=2, **CARD | {"source": "tok_chargeDeclined"}), source_name="crm"
    )
    reason = (tmp_path / "stripe-flow-rejects.jsonl").read_text()
    assert declined.code == 3
    [retried] = copied(Ended(code=0, output=reason, log=""), tmp_path)
    assert (retried.code, "opened" in retried.output) == (0, True), retried.log


def attempts(folder: Path) -> list[object]:
    with closing(sqlite3.connect(folder / "stripe-flow-journal.db")) as raw:
        return raw.execute("SELECT * FROM attempts ORDER BY digest, attempt").fetchall()


@pytest.mark.promise("commands", "A command with a KEY that several sources have changes nothing")
@pytest.mark.parametrize("command", ["retry", "settle", "forget", "show"])
def test_a_key_of_several_sources_is_never_taken_for_the_wrong_one(
    *, command: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Also where the settings name one of the sources: `journal list` prints the keys of all."""
    config = tmp_path / "config.json"
    lines = []
    for stream in ("a", "b"):
        schema = a_schema(stream) | {"schema": {"properties": {"id": {"type": "integer"}}}}
        lines += [schema, a_record(stream, id=1, **CARD | {"source": "tok_chargeDeclined"})]
    maps = {stream: {"__alias__": "charges"} for stream in ("a", "b")}
    both = a_config(sandbox.url, source_names={"a": "shop", "b": "crm eu"}, source_name="shop", stream_maps=maps)
    config.write_text(json.dumps(both))
    stdin = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    assert run([sys.executable, "-m", "target_stripe_flow", "--config", str(config)], tmp_path, stdin).code == 0
    config.write_text(json.dumps(a_config(sandbox.url, source_name="shop")))
    more = {"settle": ["--as", "not-created"], "forget": ["--yes"]}.get(command, [])
    line = [sys.executable, "-m", "stripe_flow_cli", "journal", command, "charges:1", *more, "--config", str(config)]
    rows = attempts(tmp_path)

    asked = run(line, tmp_path)

    if command == "show":
        assert (asked.code, asked.output.count("source_name")) == (0, 2)
        return
    assert (asked.code, asked.output, len(asked.errors)) == (1, "", 1)
    assert_says(r"for crm eu in .*add --source-name 'crm eu'; or for shop in .*add --source-name shop", asked.errors[0])
    assert attempts(tmp_path) == rows
    scope = Scope(account=PLATFORM, mode="test", source_name="crm eu")
    digest = Identity(scope=scope, action="charges", source_key=("1",)).digest
    for option in (["charges:1", "--source-name", "crm eu"], [f"charges:{digest}"]):
        done = run([*line[:5], *option, *line[6:]], tmp_path)
        assert "crm eu" in done.output or "can be settled" in done.log or "waits for the next" in done.log, done.log
        assert "shop" not in done.output
        if command == "forget":
            break
