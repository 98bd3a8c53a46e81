"""Recipes of the docs, run as they are written, against real databases and real Meltano."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from stripe_flow_cli.report.currencies import DECIMALS
from tests.end_to_end.conftest import BIN
from tests.support.plugins import ROOT, clean_env
from tests.support.postgres import Postgres, asked
from tests.support.sandbox import Sandbox

# The tables that the recipe's views read.
SHOP = """
CREATE TABLE customers (id integer PRIMARY KEY, full_name text, email text, plan text, card_token text);
CREATE TABLE orders (order_no text PRIMARY KEY, total numeric, currency text, customer_id integer, paid boolean);
INSERT INTO customers VALUES (1, 'Ada Example', 'ada@example.com', 'gold', 'tok_visa');
INSERT INTO orders VALUES
  ('o1', 500, 'jpy', 1, false), ('o2', 5.00, 'usd', 1, false), ('o3', 1.500, 'kwd', 1, false),
  ('o4', 700, 'JPY', 1, false), ('o5', 7.25, 'EUR', 1, false),
  ('o6', 7.255, 'eur', 1, false), ('o7', 0.5, 'jpy', 1, false), ('o8', 9.00, 'usd', 1, true);
"""
CHARGED = {"o1": (500, "jpy"), "o2": (500, "usd"), "o3": (1500, "kwd"), "o4": (700, "jpy"), "o5": (725, "eur")}
EXPORT = "CREATE TABLE stripe_ids (action text, source_name text, source_key text, account text, mode text, "
EXPORT += "stripe_id text, payment_intent text)"


def section(heading: str) -> str:
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    return re.split(r"^## ", page.split(f"\n## {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


RECIPE = section("PostgreSQL → Stripe")


@dataclass(frozen=True)
class Shop:
    """A database, and the folder with the programs of its server."""

    url: str
    programs: Path


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """A database with the recipe's SQL in it, on a server of its own."""
    with Postgres() as server:
        url = server.on_loopback("shop")
        with psycopg.connect(url, autocommit=True) as connection:
            for sql in [SHOP, *blocks(RECIPE, "sql")]:
                connection.execute(sql.encode())
        yield Shop(url, server.program("psql").parent)


def a_project(folder: Path, url: str) -> None:
    """The recipe's file, beside the target and the extractor of rows that other pages describe."""
    limits = {"max_requests_per_second": "0", "max_requests_per_second_total": "0"}
    target = {
        "name": "target-stripe-flow",
        "namespace": "target_stripe_flow",
        "executable": str(BIN / "target-stripe-flow"),
        "config": {"api_key": "$STRIPE_API_KEY", "base_url": url, "source_name": "shop", **limits},
    }
    orders = {"path": "output/orders.csv", "stream": "charges", "key_properties": ["order_id"]}
    records = {
        "name": "tap-records",
        "namespace": "tap_records",
        "executable": str(BIN / "tap-records"),
        "capabilities": ["catalog", "discover"],
        "config": {"files": [orders | {"types": {"amount": "integer"}}]},
    }
    project = {
        "project_id": "shop",
        "send_anonymous_usage_stats": False,
        "default_environment": "dev",
        "environments": [{"name": "dev"}],
        "venv": {"backend": "uv"},
        "include_paths": ["recipe.yml"],
        "plugins": {"extractors": [records], "loaders": [target]},
    }
    (folder / "meltano.yml").write_text(yaml.safe_dump(project), encoding="utf-8")
    [recipe] = blocks(RECIPE, "yaml")
    (folder / "recipe.yml").write_text(recipe, encoding="utf-8")
    (folder / "output").mkdir()


def shell(folder: Path, commands: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_orders_of_a_database_are_charged_in_their_own_currency(shop: Shop, sandbox: Sandbox, tmp_path: Path) -> None:
    a_project(tmp_path, sandbox.url)
    path = os.pathsep.join([str(BIN), str(shop.programs), os.environ["PATH"]])
    env = clean_env(SHOP_URL=shop.url, STRIPE_API_KEY=Sandbox.key, PATH=path)

    first = shell(tmp_path, "meltano run tap-postgres target-stripe-flow", env)
    again = shell(tmp_path, "meltano run tap-postgres target-stripe-flow", env)

    assert first.returncode == 0, first.stderr
    assert "8 records: 6 created, 2 rejected" in first.stderr
    assert "8 records: 6 unchanged, 2 rejected" in again.stderr
    assert sorted((each["amount"], each["currency"]) for each in sandbox.objects("charge")) == sorted(CHARGED.values())
    assert {each["status"] for each in sandbox.objects("charge")} == {"succeeded"}

    # Back into the database, and without another tap.
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute(EXPORT.encode())
    back, rows = (commands for commands in blocks(RECIPE, "") if "psql" in commands)
    done = shell(tmp_path, f"{back}\n{rows}", env)
    assert done.returncode == 0, done.stderr
    made = {each["id"]: (each["amount"], each["currency"]) for each in sandbox.objects("charge")}
    found = asked(shop.url, "SELECT source_key, stripe_id FROM stripe_ids WHERE action = 'charges'")
    assert {key: made[charge] for key, charge in found if charge} == CHARGED
    assert "7 records: 5 unchanged, 2 rejected" in done.stderr
    assert len(sandbox.objects("charge")) == len(CHARGED)


@pytest.mark.parametrize("currency", [*sorted(DECIMALS), "usd", "eur", "isk", "ugx", "huf", "twd"])
def test_the_recipe_knows_the_minor_unit_of_each_currency(currency: str, shop: Shop) -> None:
    decimals = DECIMALS.get(currency, 2)
    for written in (currency, currency.upper()):
        for total in (Decimal(7), Decimal(7).scaleb(-decimals), Decimal(123456789).scaleb(-decimals)):
            query = f"SELECT stripe_amount({total}, '{written}'), stripe_amount({total} + 0.0001, '{written}')"

            [row] = asked(shop.url, query)

            assert row == (int(total.scaleb(decimals)), None)


@pytest.mark.parametrize("total", ["'NaN'", "'Infinity'", "'-Infinity'", "1e30", "NULL"])
def test_an_odd_total_does_not_stop_the_other_rows(total: str, shop: Shop) -> None:
    [row] = asked(shop.url, f"SELECT stripe_amount({total}, 'jpy')")

    assert row == (None,)


def test_no_page_multiplies_an_amount_by_a_hundred_for_every_currency() -> None:
    pages: dict[str, Any] = {path.name: path.read_text(encoding="utf-8") for path in ROOT.glob("docs/*.md")}

    sql = {name: blocks(text, "sql") for name, text in pages.items()}

    assert not [name for name, found in sql.items() if any("* 100)" in each for each in found)]
