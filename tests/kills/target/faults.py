"""The faults of the server during the kill tests: all that Stripe and a network may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Rule = Mapping[str, Any]  # Any: JSON of a fault

_IN_USE = {"type": "idempotency_error", "code": "idempotency_key_in_use"}


def _on_write(name: str, at: str, share: float, **action: Any) -> Rule:  # Any: JSON of an action
    return {"name": name, "match": {"method": "POST"}, "at": at, "probability": share, "action": action}


def _answer(
    name: str, at: str, share: float, status: int, should_retry: str = "", **more: Any
) -> Rule:  # Any: JSON of an action
    headers = {"Stripe-Should-Retry": should_retry} if should_retry else {}
    return _on_write(name, at, share, kind="answer", status=status, headers=headers, **more)


BACKGROUND: tuple[Rule, ...] = (
    _answer("409", "before_read", 0.03, 409, error=_IN_USE),
    _answer("429", "before_read", 0.04, 429),
    _answer("429 with a reason", "before_read", 0.01, 429, error={"code": "lock_timeout"}),
    _answer("500 without effect", "before_execute", 0.01, 500, stored="fault"),
    _answer("500 with effect", "after_execute", 0.01, 500, stored="fault"),
    _answer("500, resend", "after_execute", 0.02, 500, "true", stored="real"),
    _answer("503", "after_execute", 0.02, 503, stored="real"),
    _answer("503, resend", "before_execute", 0.02, 503, "true"),
    _answer("503, no resend", "after_execute", 0.01, 503, "false", stored="real"),
    _answer("503 without effect, no resend", "before_execute", 0.01, 503, "false"),
    _on_write("cut before", "before_execute", 0.02, kind="cut"),
    _on_write("cut after", "after_execute", 0.02, kind="cut", ending="reset"),
    _on_write("cut in the answer", "before_answer", 0.02, kind="cut", within="body"),
    {
        "name": "reads fail",
        "match": {"method": "GET"},
        "probability": 0.02,
        "action": {"kind": "answer", "status": 500},
    },
    {"name": "reads are cut", "match": {"method": "GET"}, "probability": 0.02, "action": {"kind": "cut"}},
)
