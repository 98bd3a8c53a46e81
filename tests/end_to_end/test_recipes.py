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
import requests
import yaml

from stripe_flow_cli.report.currencies import DECIMALS
from tests.end_to_end.conftest import BIN
from tests.support.plugins import ROOT, clean_env
from tests.support.postgres import Postgres, asked
from tests.support.sandbox import Sandbox

# The tables that the recipe's views read.
SHOP = """
CREATE TABLE customers (id integer PRIMARY KEY, full_name text, email text, plan text, card_token text,
  phone text);
CREATE TABLE orders (order_no text PRIMARY KEY, total numeric, currency text, customer_id integer, paid boolean);
INSERT INTO customers VALUES
  (1, 'Ada Example', 'ada@example.com', 'gold', 'tok_visa', '+49 30 1'),
  (2, 'Ben Example', 'ben@example.com', 'gold', 'tok_chargeCustomerFail', NULL);
INSERT INTO orders VALUES
  ('o1', 500, 'jpy', 1, false), ('o2', 5.00, 'usd', 1, false), ('o3', 1.500, 'kwd', 1, false),
  ('o4', 700, 'JPY', 1, false), ('o5', 7.25, 'EUR', 1, false),
  ('o6', 7.255, 'eur', 1, false), ('o7', 0.5, 'jpy', 1, false), ('o8', 9.00, 'usd', 1, true),
  ('o9', 9.00, 'usd', 2, false);
"""
ROWS_CHANGE = """
UPDATE customers SET email = 'ada@new.example.com' WHERE id = 1;
UPDATE orders SET total = 6.00 WHERE order_no = 'o2';
"""
CHARGED = {"o1": (500, "jpy"), "o2": (500, "usd"), "o3": (1500, "kwd"), "o4": (700, "jpy"), "o5": (725, "eur")}


def section(heading: str) -> str:
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    return re.split(r"^## ", page.split(f"\n## {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text: str, language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for named, block in fenced if named == language]


RECIPE = section("PostgreSQL → Stripe")
VIEWS, CHANGED_VIEW = blocks(RECIPE, "sql")
BACK, ROWS, REFRESH, RETRY = (
    next(commands for commands in blocks(RECIPE, "") if word in commands)
    for word in ("FROM ids.csv", "TO 'output/orders.csv'", "--refresh-catalog", "journal retry")
)
RUN = "meltano run tap-postgres target-stripe-flow--shop"


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
            for sql in (SHOP, VIEWS):
                connection.execute(sql.encode())
        yield Shop(url, server.program("psql").parent)


def a_project(folder: Path) -> None:
    """The recipe's file, beside the target that it inherits from and the extractor of rows that it reads a CSV with."""
    orders = {"path": "output/orders.csv", "stream": "charges", "key_properties": ["order_id"]}
    records = {
        "name": "tap-records",
        "namespace": "tap_records",
        "executable": str(BIN / "tap-records"),
        "capabilities": ["catalog", "discover"],
        "config": {"files": [orders | {"types": {"amount": "integer"}}]},
    }
    target = {
        "name": "target-stripe-flow",
        "namespace": "target_stripe_flow",
        "executable": str(BIN / "target-stripe-flow"),
        "settings": [{"name": "api_key", "sensitive": True}, {"name": "base_url"}, {"name": "source_name"}],
        "commands": {"journal": {"executable": str(BIN / "stripe-flow"), "args": "journal --config ENV"}},
        "config": {"api_key": "$STRIPE_API_KEY"},
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


def change(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.encode())


def another_default_card(sandbox: Sandbox, name: str) -> None:
    """What a customer does in the shop, or a person in Stripe's dashboard."""
    [customer] = [each for each in sandbox.objects("customer") if each["name"] == name]
    url, auth = f"{sandbox.url}/v1/customers/{customer['id']}", (Sandbox.key, "")
    card = requests.post(f"{url}/sources", data={"source": "tok_visa"}, auth=auth, timeout=30).json()
    requests.post(url, data={"default_source": card["id"]}, auth=auth, timeout=30).raise_for_status()


@pytest.mark.volume
@pytest.mark.promise(
    "meltano",
    "The PostgreSQL recipe works as written: payment source, changed row, changed view, declined card",
)
def test_orders_of_a_database_are_charged_in_their_own_currency(shop: Shop, sandbox: Sandbox, tmp_path: Path) -> None:
    a_project(tmp_path)
    path = os.pathsep.join([str(BIN), str(shop.programs), os.environ["PATH"]])
    address = {"TARGET_STRIPE_FLOW_BASE_URL": sandbox.url}
    env = clean_env(SHOP_URL=shop.url, STRIPE_API_KEY=Sandbox.key, PATH=path, **address)

    def said(commands: str) -> str:
        done = shell(tmp_path, commands, env)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def charged() -> list[tuple[int, str]]:
        return sorted((e["amount"], e["currency"]) for e in sandbox.objects("charge") if e["status"] == "succeeded")

    def customer() -> dict[str, Any]:  # Any: JSON
        return next(each for each in sandbox.objects("customer") if each["name"] == "Ada Example")

    assert "10 records: 7 created, 1 declined, 2 rejected" in said(RUN)
    assert "10 records: 7 unchanged, 1 declined, 2 rejected" in said(RUN)
    assert charged() == sorted(CHARGED.values())

    # Rows and a view change. Without a new catalog the view's new column does not come.
    change(shop.url, ROWS_CHANGE + CHANGED_VIEW)
    assert "10 records: 1 updated, 5 unchanged, 1 declined, 3 rejected" in said(RUN)
    assert (customer()["email"], customer()["phone"]) == ("ada@new.example.com", None)
    assert "10 records: 1 updated, 5 unchanged, 1 declined, 3 rejected" in said(REFRESH)
    assert customer()["phone"] == "+49 30 1"
    assert charged() == sorted(CHARGED.values())

    # A declined card, another one, and the attempt that a person orders.
    another_default_card(sandbox, "Ben Example")
    assert "1 created" in said(RETRY)
    assert charged() == sorted([*CHARGED.values(), (900, "usd")])

    # Back into the database, and without another tap.
    change(shop.url, "UPDATE orders SET total = 5.00 WHERE order_no = 'o2'")
    again = said(f"{BACK}\n{ROWS}")
    made = {each["id"]: (each["amount"], each["currency"]) for each in sandbox.objects("charge")}
    found = asked(shop.url, "SELECT source_key, stripe_id FROM stripe_ids WHERE action = 'charges'")
    assert {key: made[charge] for key, charge in found if charge} == CHARGED | {"o9": (900, "usd")}
    assert "8 records: 6 unchanged, 2 rejected" in again
    assert charged() == sorted([*CHARGED.values(), (900, "usd")])


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
