"""A list inside one object that Stripe refuses to show whole: the object comes without it, and once more with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.plugins import Message, a_config, run_tap
from tests.support.scenes import MISSING, REFUSED, Answer, Scenes

NOW = 1_790_000_000
PATH = "/v1/charges/{}/refunds"


def a_list(charge_id: str, shown: int) -> Message:
    """A list inside the charge, of 12 entries."""
    data = [{"id": f"re_{charge_id}_{number}", "object": "refund"} for number in range(12)]
    return {"object": "list", "data": data[:shown], "has_more": shown < 12, "url": PATH.format(charge_id)}


def charge(number: int, shown: int = 10) -> Message:
    charge_id = f"ch_{number}"
    members = {"id": charge_id, "object": "charge", "created": NOW - 5_000 + number}
    return members | {"refunds": a_list(charge_id, shown)}


@pytest.fixture
def stripe() -> Iterator[Scenes]:
    lists = {PATH.format(f"ch_{number}"): a_list(f"ch_{number}", 12)["data"] for number in (1, 2, 3)}
    with Scenes(
        now=NOW, lists=lists | {"/v1/charges": [charge(1), charge(2), charge(3)], "/v1/refunds": []}
    ) as running:
        yield running


REFUSALS = {
    "400": (400, REFUSED),
    "403": (403, REFUSED),
    "404, though the charge is there": (404, MISSING),
    "no list": (200, {"data": None}),
}


@pytest.mark.promise("tap 9", "A list inside an object that Stripe refuses is left out, and a later run emits it")
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refused_list_is_left_out_named_once_and_comes_later(
    stripe: Scenes, tmp_path: Path, refusal: tuple[int, object]
) -> None:
    refused = Answer(path=PATH.format("ch_2"), status=refusal[0], body=refusal[1])
    stripe.set(answers=[refused])
    config = a_config(stripe.url, give_up_after_s=1)

    first = run_tap(tmp_path, config)
    stripe.set(now=NOW + 1_000, answers=[refused])
    second = run_tap(tmp_path, config, state=first.states[-1])
    stripe.set(now=NOW + 2_000)
    third = run_tap(tmp_path, config, state=second.states[-1])
    fourth = run_tap(tmp_path, config, state=third.states[-1])

    assert [each.code for each in (first, second, third, fourth)] == [2, 0, 0, 0]
    whole = {f"ch_{number}": charge(number, 12) for number in (1, 2, 3)}
    without = {name: value for name, value in whole["ch_2"].items() if name != "refunds"}
    assert first.records("charges") == [whole["ch_1"], without, whole["ch_3"]]
    assert [each.log.count("a list inside ch_2 is left out") for each in (first, second)] == [1, 0]
    assert "objects named by earlier runs of which a list still cannot be read: 1" in second.log
    assert [word for word in ("children", "parents") for each in (first, second) if word in each.log] == []
    assert [each.records("charges") for each in (second, third, fourth)] == [[], [whole["ch_2"]], []]
    kept = [each.states[-1]["bookmarks"]["charges"].get("refused_parents") for each in (first, second, third)]
    assert kept[:2] == [["ch_2"]] * 2
    assert not kept[2]


def test_an_object_that_was_deleted_meanwhile_is_not_refused(stripe: Scenes, tmp_path: Path) -> None:
    gone = [Answer(path=path, status=404, body=MISSING) for path in (PATH.format("ch_2"), "/v1/charges/ch_2")]
    stripe.set(answers=gone)

    done = run_tap(tmp_path, a_config(stripe.url))

    assert done.code == 0
    assert "refused_parents" not in done.states[-1]["bookmarks"]["charges"]


def test_a_missing_permission_for_the_lists_fails_the_stream(stripe: Scenes, tmp_path: Path) -> None:
    body = {"error": {"type": "invalid_request_error", "message": "It needs the permission 'rak_refund_read'."}}
    stripe.set(answers=[Answer(path="/v1/charges/*", status=403, body=body)])

    done = run_tap(tmp_path, a_config(stripe.url))

    assert (done.code, done.records("charges")) == (2, [])
    assert "rak_refund_read" in done.errors[0]
