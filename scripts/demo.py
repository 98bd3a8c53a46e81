"""`make demo`: run both flows through real Meltano, twice, against the sandbox; with LIVE_TEST=1 against Stripe.

The demo creates Stripe objects from rows, then loads Stripe's charges and refunds into DuckDB and JSONL. The second
round shows that nothing is created or read twice. With LIVE_TEST=1 it uses the test key in STRIPE_API_KEY, and
STRIPE_BASE_URL if set; it refuses a live key.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stripe_flow.api.connection import BASE_URL, Mode
from stripe_flow.api.errors import StripeError, StripeFlowError
from stripe_flow.api.settings import open_client

ROOT = Path(__file__).parents[1]
HOME = ROOT / "output" / "demo"
BIN = Path(sys.executable).parent
SANDBOX_KEY = "sk_test_sandbox"
SEED = ("--seed", "1", "--charges", "300", "--days", "30")
# The longest time of each child process.
INSTALL_S, START_S, FLOW_S, STOP_S = 600, 60, 300, 20

Env = dict[str, str]


def main() -> int:
    """0 if both rounds succeed; otherwise prints the error in one line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.chdir(ROOT)
    try:
        with connection() as env:
            return demonstrate(env)
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.")
        return 130
    except StripeFlowError as error:
        print(f"The demo stops: {error}", file=sys.stderr)
        return error.exit_code
    except subprocess.TimeoutExpired as error:
        command = f"{Path(error.cmd[0]).name} {error.cmd[1]}"
        print(
            f"The demo stops: `{command}` was not done after {error.timeout:g} s, see {HOME / 'meltano.log'}",
            file=sys.stderr,
        )
        return 1


def demonstrate(env: Env) -> int:
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    env |= {
        # The demo has its own state and output, so that it does not touch those of this project.
        "MELTANO_DATABASE_URI": f"sqlite:///{HOME / 'meltano.db'}",
        "TARGET_DUCKDB_FILEPATH": str(HOME / "warehouse.duckdb"),
        "TARGET_JSONL_DESTINATION_PATH": str(HOME),
        "TARGET_STRIPE_FLOW_JOURNAL_URL": f"sqlite:///{HOME / 'journal.db'}",
        "TARGET_STRIPE_FLOW_REJECTS_PATH": str(HOME / "rejects.jsonl"),
    }
    print("Installing the plugins into Meltano's own environments (once) ...", flush=True)
    meltano(env, INSTALL_S, "install")
    rounds = [run_round(env, number) for number in (1, 2)]
    print_table(rounds)
    return 0


def run_round(env: Env, number: int) -> dict[str, Counter[str]]:
    print(f"Round {number}: rows → Stripe ...", flush=True)
    code, log = meltano(env, FLOW_S, "run", "rows-to-stripe", check=False)
    summary = next((line for line in log.splitlines() if " records: " in line), "")
    print(f"  {summary.split(' records: ')[-1].strip() or 'no summary was printed'}")
    if code:
        if "may not create charges" not in log:
            raise StripeFlowError(f"rows-to-stripe failed, see {HOME / 'meltano.log'}")
        print("  This account may not create charges; it created customers and products. Continuing.")
    print(f"Round {number}: Stripe → DuckDB, then → JSONL ...", flush=True)
    before = jsonl_rows()
    meltano(env, FLOW_S, "run", "new-charges-and-refunds")
    return {"rows → Stripe": parse_summary(summary), "→ DuckDB": duckdb_rows(), "→ JSONL": jsonl_rows() - before}


def parse_summary(summary: str) -> Counter[str]:
    """`13 records: 11 created, 1 declined (see …)` → {created: 11, declined: 1}."""
    parts = [part.split() for part in summary.partition(" records: ")[2].partition(" (")[0].split(",")]
    return Counter({part[1]: int(part[0]) for part in parts if len(part) == 2 and part[0].isdecimal()})


def jsonl_rows() -> Counter[str]:
    """Lines in the JSONL files; a record that was written twice makes one line more."""
    return Counter({name: count_lines(HOME / f"{name}.jsonl") for name in ("charges", "refunds")})


def count_lines(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def duckdb_rows() -> Counter[str]:
    """Rows in the warehouse, read with the Python of the loader's virtual environment."""
    python = ROOT / ".meltano" / "loaders" / "target-duckdb" / "venv" / "bin" / "python"
    query = (
        "import duckdb, json, sys; db = duckdb.connect(sys.argv[1], read_only=True); "
        "print(json.dumps({t: db.execute(f'select count(*), count(distinct id) from stripe.{t}').fetchone() "
        "for t in ('charges', 'refunds')}))"
    )
    done = subprocess.run(
        [python, "-c", query, HOME / "warehouse.duckdb"], capture_output=True, text=True, timeout=STOP_S, check=False
    )
    found = json.loads(done.stdout) if done.returncode == 0 else {}
    return Counter({name: rows for name, (rows, _distinct) in found.items()})


def print_table(rounds: list[dict[str, Counter[str]]]) -> None:
    first, second = rounds
    print(f"\n{'':24}{'round 1':>12}{'round 2':>12}")
    for flow, counts in first.items():
        print(flow)
        for name in dict.fromkeys([*counts, *second[flow]]):
            print(f"  {name:22}{counts[name]:>12}{second[flow][name]:>12}")
    created = second["rows → Stripe"]["created"]
    print(
        f"\nThe second round created {created} objects and wrote {sum(second['→ JSONL'].values())} new lines; "
        f"the warehouse has {sum((second['→ DuckDB'] - first['→ DuckDB']).values())} rows more.\n"
        f"Rejected and declined rows, with the reasons: {(HOME / 'rejects.jsonl').relative_to(ROOT)}"
    )


@contextlib.contextmanager
def connection() -> Iterator[Env]:
    """The environment that connects both plugins to a sandbox for the demo, or to Stripe's test mode."""
    if os.environ.get("LIVE_TEST") == "1":
        yield stripe_env()
        return
    command = [sys.executable, "-m", "stripe_flow_cli", "sandbox", "--port", "0", "--exit-with-stdin", *SEED]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as sandbox:
        url = first_line(sandbox, START_S)
        if not url:
            raise StripeFlowError("the sandbox did not start: run `.venv/bin/stripe-flow sandbox` to see why")
        print(f"A sandbox that behaves like Stripe is running at {url}; it is not Stripe.")
        yield plugin_env(SANDBOX_KEY, url)


def stripe_env() -> Env:
    """The environment for the test key in STRIPE_API_KEY; prints its account. Raises StripeFlowError for a live key."""
    key, url = os.environ.get("STRIPE_API_KEY", ""), os.environ.get("STRIPE_BASE_URL", BASE_URL)
    client = open_client({"api_key": key, "base_url": url, "give_up_after_s": 30})
    if client.connection.key.mode is Mode.LIVE:
        raise StripeFlowError("STRIPE_API_KEY holds a live key, and the demo creates charges: use a test key")
    try:
        print(f"Using account {client.get('/v1/account').value['id']} in test mode at {url}.")
    except StripeError as error:
        if error.exit_code != 4 or error.refusal is None or error.refusal.http_status != 403:
            raise
        print(f"Using a restricted test key that may not read its own account, at {url}.")
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    return plugin_env(key, url) | {"TAP_STRIPE_FLOW_START_DATE": os.environ.get("TAP_STRIPE_FLOW_START_DATE", hour_ago)}


def plugin_env(key: str, url: str) -> Env:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TAP_", "TARGET_", "MELTANO_"))}
    return kept | {
        "STRIPE_API_KEY": key,
        "TAP_STRIPE_FLOW_BASE_URL": url,
        "TARGET_STRIPE_FLOW_BASE_URL": url,
        "TARGET_STRIPE_FLOW_ACCOUNT_LABEL": "demo",
        "MELTANO_CLI_LOG_LEVEL": "info",
    }


def meltano(env: Env, seconds: float, *arguments: str, check: bool = True) -> tuple[int, str]:
    """Run Meltano; returns its exit code and log, and appends the log to meltano.log.

    With `check`, raises StripeFlowError if it fails.
    """
    log = HOME / "meltano.log"
    start = log.stat().st_size if log.exists() else 0
    with log.open("ab") as out, running([str(BIN / "meltano"), *arguments], stdout=out, stderr=out, env=env) as child:
        code = child.wait(seconds)
    logged = log.read_bytes()[start:].decode(errors="replace")
    if check and code:
        raise StripeFlowError(f"`meltano {' '.join(arguments)}` failed, see {log}:\n{logged[-2000:]}")
    return code, logged


@contextlib.contextmanager
def running(command: list[str], **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A child in its own process group; the whole group has ended when the block ends."""
    child: subprocess.Popen[bytes] | None = None
    try:
        with delay_signals():
            child = subprocess.Popen(command, start_new_session=True, **options)  # type: ignore[call-overload]  # Popen's
        yield child
    finally:
        if child is not None:
            with delay_signals():
                end_group(child)


@contextlib.contextmanager
def delay_signals() -> Iterator[None]:
    """Delay Ctrl-C and SIGTERM to the end of the block, so that they do not interrupt the start or end of a child."""
    received: list[int] = []
    usual = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


def first_line(child: subprocess.Popen[bytes], seconds: float) -> str:
    """The child's first line of output; empty if it ends or prints no whole line within `seconds`."""
    assert child.stdout is not None
    output, deadline = b"", time.monotonic() + seconds
    while b"\n" not in output:
        ready, _, _ = select.select([child.stdout], [], [], max(deadline - time.monotonic(), 0))
        piece = os.read(child.stdout.fileno(), 1024) if ready else b""
        if not piece:
            return ""
        output += piece
    return output.partition(b"\n")[0].decode().strip()


def end_group(child: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM, and SIGKILL after STOP_S, to the child and the processes that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + STOP_S
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
            while time.monotonic() < deadline:
                child.poll()
                os.killpg(child.pid, 0)  # raises once the group is empty
                time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
