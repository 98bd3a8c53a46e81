"""Nothing between the scheme and the last @ of `journal_url` is ever shown."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from stripe_flow.api.errors import Misconfigured, StripeFlowError
from target_stripe_flow.journal.location import location_of
from tests.support.plugins import a_config, a_record, a_schema, command, run, run_target
from tests.support.postgres import Postgres

# The ones with several @ are refused; the others name a database that does not answer.
UNCLEAR = (
    "postgresql://CANARY1:CANARY2@CANARY3@127.0.0.1:1/db",
    "postgresql+psycopg://CANARY1:CANARY2@CANARY3@127.0.0.1:1/db",
    "postgresql://CANARY1:CANARY2@CANARY3@CANARY4@127.0.0.1:1/db",
    "postgresql://CANARY1:CANARY2/CANARY3@CANARY4@127.0.0.1:1/db",
    "postgresql://CANARY1@CANARY2:CANARY3@127.0.0.1:1/db",
    "postgresql://CANARY1:CANARY2@127.0.0.1:1/db?password=CANARY3@CANARY4",
    "sqlite://CANARY1:CANARY2@CANARY3@host/x.db",
)
CLEAR = (
    "postgresql://CANARY1:CANARY2@127.0.0.1:1/db",
    "postgresql+psycopg://CANARY1:CANARY2@127.0.0.1:1/db",
    "postgresql://CANARY1@127.0.0.1:1/db",
    "postgresql://CANARY1:CANARY2/CANARY3@127.0.0.1:1/db",
    "postgresql://CANARY1:CANARY2%40CANARY3@127.0.0.1:1/db?connect_timeout=2",
    "postgresql://127.0.0.1:1/db?user=CANARY1&password=CANARY2",
    "postgresql:///db?host=127.0.0.1&port=1&user=CANARY1&password=CANARY2@CANARY3",
    "postgresql://CANARY1:CANARY2@/db?host=127.0.0.1&port=1&sslpassword=CANARY3",
)
WRONG = (
    "postgresql://127.0.0.1:1/db?user=CANARY1&password=CANARY2@CANARY3",
    "postgres://CANARY1:CANARY2@127.0.0.1:1/db",
    "mysql://CANARY1:CANARY2@127.0.0.1:1/db",
    "postgresql://CANARY1:CANARY2@127.0.0.1:CANARY3/db",
    "postgresql://CANARY1:CANARY2@127.0.0.1:1",
    "postgresql:/CANARY1:CANARY2@127.0.0.1/db",
    "CANARY1:CANARY2@127.0.0.1/db",
    "sqlite://CANARY1:CANARY2@host/x.db",
)
COMMANDS = (
    *(["journal", each] for each in ("list", "export", "report", "init", "rebuild", "reconcile")),
    *(["journal", "show", "charges:1"], ["journal", "source", "list"], ["doctor", "--plugin", "target"]),
)


@pytest.mark.parametrize("url", UNCLEAR)
def test_a_second_at_sign_is_refused_with_its_spelling(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"journal_url has more than one @.* write @ as %40") as caught:
        location_of({"journal_url": url})

    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("url", CLEAR)
def test_no_name_of_a_journal_and_no_error_shows_it(url: str) -> None:
    location = location_of({"journal_url": url})

    with pytest.raises(StripeFlowError) as caught:
        location.is_there()

    assert "CANARY" not in f"{location} {caught.value}"


@pytest.mark.parametrize("url", WRONG)
def test_no_message_about_a_wrong_url_quotes_it(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        location_of({"journal_url": url})

    assert "CANARY" not in str(caught.value)


@pytest.mark.promise("target 14", "Nothing before the last `@` of `journal_url` is shown")
@pytest.mark.parametrize("url", [UNCLEAR[0], CLEAR[0], WRONG[3]])
def test_no_command_shows_it(url: str, tmp_path: Path) -> None:
    config = a_config("http://127.0.0.1:9", journal_url=url, give_up_after_s=0.2)
    done = [run_target(tmp_path, config, [a_schema("charges"), a_record("charges", id=1)])]
    path = command("target_stripe_flow", tmp_path, config)[-1]

    done += [run([sys.executable, "-m", "stripe_flow_cli", *each, "--config", path], tmp_path) for each in COMMANDS]

    assert 0 not in {each.code for each in done[:7]}
    assert [each for each in done if "CANARY" in each.output + each.log] == []
    assert [each for each in done if "Traceback" in each.log] == []


def test_a_database_that_refuses_the_user_does_not_show_its_name(postgres: Postgres) -> None:
    location = location_of({"journal_url": postgres.database().replace("postgres:@", "CANARY:x@")})

    with pytest.raises(StripeFlowError, match="cannot be used") as caught:
        location.is_there()

    assert "CANARY" not in str(caught.value)


def test_an_escaped_password_arrives_whole(postgres: Postgres) -> None:
    url = postgres.database().replace("postgres:@", "postgres:p%40ss%2Fw%3Ard%3F%25@")

    location = location_of({"journal_url": url})

    assert not location.is_there()
    assert json.dumps(str(location)).count("@") == 1
