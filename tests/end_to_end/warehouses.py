"""The loaders that the docs describe, each in a new Meltano project, and the rows that they wrote."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg.rows import dict_row

from tests.end_to_end.conftest import BIN
from tests.support.plugins import ROOT, clean_env
from tests.support.sandbox import Sandbox

Json = dict[str, Any]  # Any: JSON
Row = dict[str, Any]  # Any: column → value
# By table.
Rows = dict[str, list[Row]]

SCHEMA = "stripe"
# Longer than any of these runs takes, with the installation of the loader.
LIFE_S = 200


@dataclass(frozen=True, kw_only=True)
class Loader:
    """A loader as `file` of this repository describes it.

    - `read` gives its rows, with JSON columns decoded.
    - `turns` are the texts of a column that the loader turns into others, or into NULL.
    """

    name: str
    file: str
    read: Callable[[Warehouse], Rows]
    turns: Mapping[str, str | None] = field(default_factory=dict)

    def described(self) -> Json:
        return described(self.file, "loaders", self.name)


@dataclass(frozen=True, kw_only=True)
class Warehouse:
    """A Meltano project in `folder` with the tap and one loader; `url` is the address of a PostgreSQL database."""

    loader: Loader
    folder: Path
    url: str

    def create(self, base_url: str, select: list[str], **settings: object) -> None:
        """Write the project. The tap is the one of this environment; Meltano installs the loader."""
        tap = described("meltano.yml", "extractors", "tap-stripe-flow") | {"executable": str(BIN / "tap-stripe-flow")}
        del tap["pip_url"]
        limits = {"max_requests_per_second": "0", "max_requests_per_second_total": "0"}
        tap |= {"select": select, "config": tap["config"] | {"base_url": base_url} | limits | settings}
        project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
        kept = {name: project[name] for name in ("default_environment", "send_anonymous_usage_stats", "venv", "cli")}
        plugins = {"extractors": [tap], "loaders": [self.loader.described()]}
        own = {"project_id": "warehouse", "environments": [{"name": "dev"}], "plugins": plugins}
        (self.folder / "output").mkdir(parents=True)
        (self.folder / "meltano.yml").write_text(yaml.safe_dump(kept | own), encoding="utf-8")

    def load(self) -> Mapping[tuple[str, str], int]:
        """Run the tap into the loader; the number of records that the tap emitted, by stream and account."""
        done = self.meltano("--log-format=json", "run", "tap-stripe-flow", self.loader.name)
        assert done.returncode == 0, done.stderr[-10_000:]
        logged = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        rows = [each["summary"] for each in logged if "summary" in each]
        return {(row["stream"], row["account"]): row["records"] for row in rows if "stream" in row}

    def meltano(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Meltano in the project to its end."""
        driver = self.url.replace("postgresql://", "postgresql+psycopg://")
        return subprocess.run(
            [BIN / "meltano", *arguments],
            cwd=self.folder,
            env=clean_env(STRIPE_API_KEY=Sandbox.key, WAREHOUSE_URL=driver),
            capture_output=True,
            text=True,
            timeout=LIFE_S,
            check=False,
        )

    def rows(self) -> Rows:
        """All rows of all tables, without the columns that the loader adds for itself (`_sdc_…`)."""
        return {
            table: [{name: value for name, value in row.items() if not name.startswith("_sdc_")} for row in rows]
            for table, rows in self.loader.read(self).items()
        }


def described(file: str, kind: str, name: str) -> Json:
    """The entry of a plugin in a Meltano file of this repository; `kind` is `extractors` or `loaders`."""
    plugins = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))["plugins"][kind]
    [found] = [each for each in plugins if each["name"] == name]
    return dict(found)


# DuckDB is read with the library of its loader: a file of a newer version cannot be read by an older one.
_READ_DUCKDB = f"""
import duckdb, json, sys
db = duckdb.connect(sys.argv[1], read_only=True)
columns = "select column_name, data_type from information_schema.columns where table_schema = '{SCHEMA}'"
tables = "select distinct table_name from information_schema.tables where table_schema = '{SCHEMA}'"
found = {{}}
for (table,) in db.execute(tables).fetchall():
    kinds = dict(db.execute(columns + " and table_name = ?", [table]).fetchall())
    read = {{name: json.loads if kind == "JSON" else lambda value: value for name, kind in kinds.items()}}
    answer = db.execute(f'select * from {SCHEMA}."{{table}}"')
    names = [each[0] for each in answer.description]
    found[table] = [
        {{name: value if value is None else read[name](value) for name, value in zip(names, row)}}
        for row in answer.fetchall()
    ]
json.dump(found, sys.stdout)
"""


def _read_duckdb(warehouse: Warehouse) -> Rows:
    folder = warehouse.folder
    python = folder / ".meltano" / "loaders" / warehouse.loader.name / "venv" / "bin" / "python"
    line = [str(python), "-c", _READ_DUCKDB, str(folder / "output" / "warehouse.duckdb")]
    rows: Rows = json.loads(subprocess.run(line, capture_output=True, check=True, timeout=LIFE_S).stdout)
    return rows


def _read_postgres(warehouse: Warehouse) -> Rows:
    with psycopg.connect(warehouse.url, row_factory=dict_row) as connection:
        of_schema = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [SCHEMA]).fetchall()
        tables = [str(each["tablename"]) for each in of_schema]
        found = {table: connection.execute(f'SELECT * FROM {SCHEMA}."{table}"'.encode()).fetchall() for table in tables}
    return {table: [_plain(row) for row in rows] for table, rows in found.items()}


def _plain(row: Mapping[str, object]) -> Row:
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in row.items()}


# It loads CSV files, in which an empty text and NULL are the same.
DUCKDB = Loader(name="target-duckdb", file="meltano.yml", read=_read_duckdb, turns={"": None})
POSTGRES = Loader(name="target-postgres", file="orchestrate/postgres.meltano.yml", read=_read_postgres)
