"""Our plugins as the benchmarks run them: the real commands, with their settings and catalogs in files."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

from tests.benchmarks.measuring import Unmeasured, last_line
from tests.support.plugins import Ended, Message, a_config, a_schema, a_state, command, run, run_tap

# In the one STATE that a target writes for an input of `write_input`, after all its records.
DONE = b'"bookmarks"'


def write_input(path: Path, records: Iterable[Message]) -> Path:
    """Write a target's input into this file."""
    schemas = [a_schema("customers"), a_schema("charges")]
    with path.open("w", encoding="utf-8") as file:
        for message in chain(schemas, records, [a_state(bookmarks={})]):
            file.write(json.dumps(message) + "\n")
    return path


def launcher_command(folder: Path, config: Mapping[str, object], *way: str) -> list[str]:
    """The command line of the target under `launcher`."""
    *_, option, path = command("target_stripe_flow", folder, config)
    return [sys.executable, "-m", "tests.benchmarks.launcher", *way, option, path]


def tap_command(folder: Path, url: str, per_second: float) -> list[str]:
    """The tap, reading all charges of an account; `per_second` is the value of both limits; 0: no limit."""
    config = a_config(url, max_requests_per_second=per_second, max_requests_per_second_total=per_second)
    folder.mkdir(parents=True, exist_ok=True)
    catalog = folder / "catalog.json"
    catalog.write_text(json.dumps(catalog_of(folder, config, "charges")), encoding="utf-8")
    return command("tap_stripe_flow", folder, config, "--catalog", str(catalog))


def catalog_of(folder: Path, config: Mapping[str, object], *streams: str) -> Message:
    """The tap's catalog with only these streams selected."""
    catalog: Message = json.loads(ended_well(run_tap(folder, config, "--discover")).output)
    for stream in catalog["streams"]:
        of_stream = next(each["metadata"] for each in stream["metadata"] if not each["breadcrumb"])
        of_stream["selected"] = stream["tap_stream_id"] in streams
    return catalog


def need_settings(folder: Path, *names: str) -> None:
    """Raises Unmeasured if the tap lacks one of these settings: it would ignore an unknown one."""
    asked = run(command("tap_stripe_flow", folder, {}, "--about", "--format=json"), folder)
    known = json.loads(ended_well(asked).output)["settings"]["properties"]
    missing = [name for name in names if name not in known]
    if missing:
        raise Unmeasured(f"the tap does not have {' and '.join(missing)} yet")


def ended_well(ended: Ended) -> Ended:
    """The same. Raises Unmeasured for any exit code but 0."""
    if ended.code:
        raise Unmeasured(f"a plugin ended with {ended.code}: {last_line(ended.log)}")
    return ended
