"""Both plugins through real Meltano."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import cast

import pytest

from tap_stripe_flow.stream import Engine
from tap_stripe_flow.tap import TapStripeFlow
from tests.end_to_end.conftest import Project
from tests.support.official import everything, official
from tests.support.plugins import ROOT, a_config
from tests.support.sandbox import Sandbox

CANARY = "sk_test_canary0123456789"


def test_meltano_yml_matches_about() -> None:
    done = subprocess.run([sys.executable, "scripts/generate_meltano.py", "--check"], cwd=ROOT, check=False)

    assert done.returncode == 0, "run scripts/generate_meltano.py"


@pytest.mark.volume
def test_both_flows_are_scheduled_every_ten_minutes(project: Project) -> None:
    listed = json.loads(project.meltano("schedule", "list", "--format=json").stdout)["schedules"]["job"]

    assert {each["job"]["name"]: each["cron_interval"] for each in listed} == {
        "new-charges-and-refunds": "*/10 * * * *",
        "rows-to-stripe": "*/10 * * * *",
    }


@pytest.mark.volume
def test_new_charges_and_refunds_go_out_once(project: Project, seeded_sandbox: Sandbox) -> None:
    for _ in range(2):
        done = project.meltano("run", "new-charges-and-refunds", url=seeded_sandbox.url)
        assert done.returncode == 0, done.stderr

    client = official(seeded_sandbox).v1
    for name in ("charges", "refunds"):
        written = [json.loads(line)["id"] for line in (project.home / f"{name}.jsonl").read_text().splitlines()]
        assert sorted(written) == sorted(each["id"] for each in everything(getattr(client, name)))


@pytest.mark.volume
def test_rows_become_objects_once(project: Project, sandbox: Sandbox) -> None:
    for _ in range(2):
        done = project.meltano("run", "rows-to-stripe", url=sandbox.url)
        assert done.returncode == 0, done.stderr

    assert {each["name"] for each in sandbox.objects("customer")} == {"Ada Example", "Bert Example", "Cleo Example"}
    assert {each["name"] for each in sandbox.objects("product")} == {"Shirt", "Cup"}
    paid = [each["description"] for each in sandbox.objects("charge") if each["status"] == "succeeded"]
    assert sorted(paid) == [f"Order A-{number}" for number in range(1, 7)]


@pytest.mark.volume
@pytest.mark.parametrize(
    ("job", "fields"),
    [
        ("new-charges-and-refunds", {"charges": {"records": 300, "state": "ok"}, "refunds": {"state": "ok"}}),
        ("rows-to-stripe", {"customers": {"records": 3, "created": 3}, "charges": {"records": 8, "created": 6}}),
    ],
)
def test_the_run_summary_passes_through_meltano_as_fields(
    job: str, fields: dict[str, dict[str, object]], project: Project
) -> None:
    with Sandbox("--seed", "1", "--charges", "300", "--days", "30") as sandbox:
        done = project.meltano("--log-format=json", "run", job, url=sandbox.url)

    logged = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    rows = {each["stream_name"]: each["summary"] for each in logged if "summary" in each}
    assert done.returncode == 0, done.stderr
    assert {name: {each: rows[name][each] for each in named} for name, named in fields.items()} == fields


@pytest.mark.volume
def test_a_second_connection_has_a_key_of_its_own(project: Project, sandbox: Sandbox) -> None:
    mine = project.meltano("invoke", "tap-stripe-flow--eu", "--test", url=sandbox.url, STRIPE_API_KEY="sk_test_wrong0")
    env = {"STRIPE_EU_API_KEY": sandbox.key, "TAP_STRIPE_FLOW__EU_BASE_URL": sandbox.url}
    theirs = project.meltano("invoke", "tap-stripe-flow--eu", "--test", **env)

    assert "setting api_key is missing and has no default: set TAP_STRIPE_FLOW__EU_API_KEY, or the var" in mine.stderr
    assert theirs.returncode == 0, theirs.stderr


@pytest.mark.volume
@pytest.mark.parametrize("limit", ["20", "12.5"])
def test_a_number_may_come_from_the_environment(project: Project, seeded_sandbox: Sandbox, limit: str) -> None:
    env = {"TAP_STRIPE_FLOW_MAX_REQUESTS_PER_SECOND": limit, "TARGET_STRIPE_FLOW_MAX_REQUESTS_PER_SECOND": limit}

    done = project.meltano("run", "tap-records", "target-stripe-flow", url=seeded_sandbox.url, **env)
    read = project.meltano("invoke", "tap-stripe-flow", "--test", url=seeded_sandbox.url, **env)

    assert (done.returncode, read.returncode) == (0, 0), done.stderr + read.stderr


@pytest.mark.volume
def test_the_connection_can_be_tested(project: Project, seeded_sandbox: Sandbox) -> None:
    reads = project.meltano("config", "test", "tap-stripe-flow", url=seeded_sandbox.url)
    writes = project.meltano("config", "test", "target-stripe-flow", url=seeded_sandbox.url)
    wrong = project.meltano("config", "test", "target-stripe-flow", url=seeded_sandbox.url, STRIPE_API_KEY=CANARY)

    assert reads.returncode == 0, reads.stderr
    # Meltano 4.4.1 ends with 1 after every test of a loader, of any loader; only its output shows the result.
    assert "Test data was written" in writes.stderr
    assert "Test data was written" not in wrong.stderr
    assert "canary" not in wrong.stdout + wrong.stderr


@pytest.mark.volume
@pytest.mark.promise(
    "commands",
    "A wrong key is reported by name and never printed, under `meltano run` at debug level too",
)
@pytest.mark.parametrize("key", [CANARY, "sk_tset_canary0123456789", "pk_test_canary0123456789"])
@pytest.mark.parametrize("job", ["new-charges-and-refunds", "rows-to-stripe"])
def test_a_wrong_key_is_reported_and_never_printed(project: Project, sandbox: Sandbox, job: str, key: str) -> None:
    done = project.meltano("--log-level", "debug", "run", job, url=sandbox.url, STRIPE_API_KEY=key)

    assert done.returncode == 1
    assert "api_key" in done.stderr
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.volume
def test_secrets_are_marked(project: Project) -> None:
    for plugin in ("tap-stripe-flow", "target-stripe-flow"):
        listed = project.meltano("config", "list", plugin, STRIPE_API_KEY=CANARY)

        assert "api_key" in listed.stdout
        assert "canary" not in listed.stdout + listed.stderr


@pytest.mark.volume
def test_streams_that_meltano_selects_are_written_verbatim(project: Project, sandbox: Sandbox) -> None:
    catalog = json.loads(project.meltano("invoke", "--dump=catalog", "tap-stripe-flow", url=sandbox.url).stdout)

    streams = TapStripeFlow(config=a_config(sandbox.url), catalog=catalog).streams

    assert {name for name, stream in streams.items() if stream.selected} == {"charges", "refunds"}
    assert all(cast("Engine", stream).is_verbatim for stream in streams.values() if stream.selected)


@pytest.mark.volume
def test_a_dry_run_leaves_the_state_of_a_flow_as_it_is(project: Project, sandbox: Sandbox) -> None:
    def state() -> object:
        return json.loads(project.meltano("state", "get", "dev:tap-stripe-flow-to-target-stripe-flow").stdout)

    def run(**env: str) -> None:  # charges into Stripe: each is history, and a reject that STATE passes
        env["TAP_STRIPE_FLOW__SELECT"] = '["charges.*"]'
        done = project.meltano("run", "tap-stripe-flow", "target-stripe-flow", url=sandbox.url, **env)
        # Meltano says 1 for every code of a plugin but 0.
        assert (done.returncode, "so the exit code is 2" in done.stderr) == (1, True), done.stderr

    a_charge(sandbox)
    run()
    before, rejects = state(), (project.home / "rejects.jsonl").read_bytes()
    sandbox.advance(60)
    a_charge(sandbox)

    run(TARGET_STRIPE_FLOW_DRY_RUN="true")
    after, still = state(), (project.home / "rejects.jsonl").read_bytes()
    run()

    assert (after, still) == (before, rejects)
    assert state() != before


def a_charge(sandbox: Sandbox) -> None:
    official(sandbox).v1.charges.create({"amount": 100, "currency": "usd", "source": "tok_visa"})
