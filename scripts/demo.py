"""`make demo`: both flows through real Meltano, twice, against the sandbox; or with LIVE_TEST=1 against Stripe.

Rows become Stripe objects, then Stripe's charges and refunds go into DuckDB and JSONL. The second round shows that
nothing is done or read twice. With LIVE_TEST=1 the test key in STRIPE_API_KEY is used, and STRIPE_BASE_URL if it is
set; a live key is refused.
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
# Bounds of every child's life.
INSTALL_S, START_S, FLOW_S, STOP_S = 600, 60, 300, 20

Env = dict[str, str]


def main() -> int:
    """0 if both rounds went through; what went wrong is said in one line."""
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
        took_long = f"`{Path(error.cmd[0]).name} {error.cmd[1]}` was not done after {error.timeout:g} s"
        print(f"The demo stops: {took_long}, see {HOME / 'meltano.log'}", file=sys.stderr)
        return 1


def demonstrate(env: Env) -> int:
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    env |= {
        # State and output of the demo's own: it must not touch what a person has in this project.
        "MELTANO_DATABASE_URI": f"sqlite:///{HOME / 'meltano.db'}",
        "TARGET_DUCKDB_FILEPATH": str(HOME / "warehouse.duckdb"),
        "TARGET_JSONL_DESTINATION_PATH": str(HOME),
        "TARGET_STRIPE_FLOW_JOURNAL_URL": f"sqlite:///{HOME / 'journal.db'}",
        "TARGET_STRIPE_FLOW_REJECTS_PATH": str(HOME / "rejects.jsonl"),
    }
    print("Installing the plugins into Meltano's own environments (once) ...", flush=True)
    meltano(env, INSTALL_S, "install")
    rounds = [one_round(env, number) for number in (1, 2)]
    print_table(rounds)
    return 0


def one_round(env: Env, number: int) -> dict[str, Counter[str]]:
    print(f"Round {number}: rows → Stripe ...", flush=True)
    code, log = meltano(env, FLOW_S, "run", "rows-to-stripe", check=False)
    told = next((line for line in log.splitlines() if " records: " in line), "")
    print(f"  {told.split(' records: ')[-1].strip() or 'no sums were printed'}")
    if code:
        if "may not create charges" not in log:
            raise StripeFlowError(f"rows-to-stripe failed, see {HOME / 'meltano.log'}")
        print("  This account may not create charges; customers and products went through. Going on.")
    print(f"Round {number}: Stripe → DuckDB, then → JSONL ...", flush=True)
    before = jsonl_rows()
    meltano(env, FLOW_S, "run", "new-charges-and-refunds")
    return {"rows → Stripe": places(told), "→ DuckDB": duckdb_rows(), "→ JSONL": jsonl_rows() - before}


def places(told: str) -> Counter[str]:
    """`13 records: 11 created, 1 declined (see …)` → {created: 11, declined: 1}."""
    parts = [part.split() for part in told.partition(" records: ")[2].partition(" (")[0].split(",")]
    return Counter({part[1]: int(part[0]) for part in parts if len(part) == 2 and part[0].isdecimal()})


def jsonl_rows() -> Counter[str]:
    """Lines in the JSONL files; a line too many would be a record that came twice."""
    return Counter({name: count_lines(HOME / f"{name}.jsonl") for name in ("charges", "refunds")})


def count_lines(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def duckdb_rows() -> Counter[str]:
    """Rows and distinct ids in the warehouse, asked by the Python that the loader brought along."""
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
    """The environment that points both plugins at a sandbox of the demo's own, or at Stripe's test mode."""
    if os.environ.get("LIVE_TEST") == "1":
        yield stripe_env()
        return
    command = [sys.executable, "-m", "stripe_flow_cli", "sandbox", "--port", "0", "--exit-with-stdin", *SEED]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as sandbox:
        url = first_line(sandbox, START_S)
        if not url:
            raise StripeFlowError("the sandbox did not start: try `.venv/bin/stripe-flow sandbox`")
        print(f"A sandbox that behaves like Stripe is running at {url}; it is not Stripe.")
        yield plugin_env(SANDBOX_KEY, url)


def stripe_env() -> Env:
    """For the test key of the environment; says which account it belongs to. Raises StripeFlowError."""
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
    """Run Meltano; its exit code and what it logged, which is kept in meltano.log as well."""
    log = HOME / "meltano.log"
    start = log.stat().st_size if log.exists() else 0
    with log.open("ab") as out, running([str(BIN / "meltano"), *arguments], stdout=out, stderr=out, env=env) as child:
        code = child.wait(seconds)
    told = log.read_bytes()[start:].decode(errors="replace")
    if check and code:
        raise StripeFlowError(f"`meltano {' '.join(arguments)}` failed, see {log}:\n{told[-2000:]}")
    return code, told


@contextlib.contextmanager
def running(command: list[str], **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A child in a process group of its own, and nothing of the group is left afterwards."""
    child: subprocess.Popen[bytes] | None = None
    try:
        with signals_later():
            child = subprocess.Popen(command, start_new_session=True, **options)  # type: ignore[call-overload]  # Popen's
        yield child
    finally:
        if child is not None:
            with signals_later():
                end_group(child)


@contextlib.contextmanager
def signals_later() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the end of the block: amid a start or an end they would lose the child."""
    came: list[int] = []
    usual = {
        number: signal.signal(number, lambda got, _: came.append(got)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def first_line(child: subprocess.Popen[bytes], seconds: float) -> str:
    """What the child says first; empty if it ends, or says no whole line in that time."""
    assert child.stdout is not None
    said, deadline = b"", time.monotonic() + seconds
    while b"\n" not in said:
        ready, _, _ = select.select([child.stdout], [], [], max(deadline - time.monotonic(), 0))
        piece = os.read(child.stdout.fileno(), 1024) if ready else b""
        if not piece:
            return ""
        said += piece
    return said.partition(b"\n")[0].decode().strip()


def end_group(child: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and after a while SIGKILL, to the child and to what it started."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + STOP_S
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, sent)
            while time.monotonic() < deadline:
                child.poll()
                os.killpg(child.pid, 0)  # raises once the group is empty
                time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
