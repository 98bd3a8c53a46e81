"""The diagram and tables of docs/exactly-once.md, from `attempts/lifecycle.py` and `attempts/vocabulary.py`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from target_stripe_flow.attempts.lifecycle import (
    ABSENT_AFTER_S,
    HOUR_S,
    KEY_LIFETIME_S,
    SCAN_FROM_S,
    Ages,
    Do,
    Event,
    Impossible,
    State,
    next_step,
)
from target_stripe_flow.attempts.vocabulary import WORDS

Step = tuple[State, Do]

# Each stretch of an age by one moment inside it: a rule changes at these constants only.
_KEY_H, _SCAN_MIN, _ABSENT_H = KEY_LIFETIME_S // HOUR_S, SCAN_FROM_S // 60, ABSENT_AFTER_S // HOUR_S
_KEY_AGES = {
    f"less than {_KEY_H} h ago": KEY_LIFETIME_S - 1,
    f"{_KEY_H} h ago or more": KEY_LIFETIME_S,
    "in the future": -1,
}
_QUIET_AGES = {
    f"less than {_SCAN_MIN} min ago": SCAN_FROM_S - 1,
    f"{_SCAN_MIN} min to {_ABSENT_H} h ago": ABSENT_AFTER_S - 1,
    f"{_ABSENT_H} h ago or more": ABSENT_AFTER_S,
}
# Two stretches that meet, as one.
_JOINED: dict[tuple[str, ...], str] = {
    (f"less than {_SCAN_MIN} min ago", f"{_SCAN_MIN} min to {_ABSENT_H} h ago"): f"less than {_ABSENT_H} h ago",
    (f"{_SCAN_MIN} min to {_ABSENT_H} h ago", f"{_ABSENT_H} h ago or more"): f"{_SCAN_MIN} min ago or more",
}
_MONEY = {"moves no money": False, "moves money": True}
_BYTES = {"was not used with other bytes": False, "was used with other bytes": True}
_AXES: dict[str, dict[str, int] | dict[str, bool]] = {
    "first sent": _KEY_AGES,
    "last sent": _QUIET_AGES,
    "the action": _MONEY,
    "its key": _BYTES,
}


def _step(state: State, event: Event, ages: Ages, **facts: bool) -> Step | None:
    """The step with these `facts` of `next_step`; None where the event cannot happen."""
    try:
        return next_step(state, event, ages, **facts)
    except Impossible:
        return None


def diagram() -> list[str]:
    """Every change of state, as Mermaid draws it."""
    ages = [*itertools.product(_KEY_AGES.values(), _QUIET_AGES.values())]
    kinds = [(False, False), (True, False), (False, True)]  # moves money, is an update
    changes = {
        (state.value, step[0].value): None
        for state, event, (key_s, quiet_s), (money, update) in itertools.product(State, Event, ages, kinds)
        if (step := _step(state, event, Ages(key_s=key_s, quiet_s=quiet_s), moves_money=money, is_update=update))
        and step[0] is not state
    }
    first = ["    [*] --> intent", "    opened --> intent"]
    return ["```mermaid", "stateDiagram-v2", *first, *(f"    {old} --> {new}" for old, new in changes), "```"]


def states() -> list[str]:
    """What each state means, and the status of the record when it comes again."""
    rows = [
        f"| {state.value} | {words.means} | {words.again.value if words.again else 'is sent'} |"
        for state, words in WORDS.items()
    ]
    return ["| state | means | when the record comes again |", "|---|---|---|", *rows, ""]


def steps() -> list[str]:
    """What each event does: states that fare alike share a row."""
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for event, state in itertools.product(Event, State):
        for condition, step in _by_condition(state, event):
            new = "the same" if step[0] is state else step[0].value
            if (new, step[1]) != ("the same", Do.NOTHING) or event is not Event.RUN_BEGAN:
                rows.setdefault((event, condition, new, step[1]), []).append(state.value)
    head = ["| event | state | condition | next state | what the run does |", "|---|---|---|---|---|"]
    return [
        *head,
        *(
            f"| {event} | {', '.join(names)} | {condition} | {new} | {do} |"
            for (event, condition, new, do), names in rows.items()
        ),
        "",
    ]


def _by_condition(state: State, event: Event) -> Iterator[tuple[str, Step]]:
    """The steps of one state and event, each with the condition that tells it from the others."""
    found: dict[Step, list[tuple[str, ...]]] = {}
    for case in itertools.product(_KEY_AGES, _QUIET_AGES, _MONEY, _BYTES):
        key, quiet, money, used = case
        ages = Ages(key_s=_KEY_AGES[key], quiet_s=_QUIET_AGES[quiet])
        step = _step(state, event, ages, moves_money=_MONEY[money], is_conflict=_BYTES[used])
        if step is not None:
            found.setdefault(step, []).append(case)
    for step, cases in found.items():
        yield _condition(cases) if len(found) > 1 else "", step


def _condition(cases: list[tuple[str, ...]]) -> str:
    """What the cases of one step have in common."""
    parts = []
    for index, (axis, stretches) in enumerate(_AXES.items()):
        here = tuple(name for name in stretches if any(case[index] == name for case in cases))
        if len(here) < len(stretches):
            parts.append(f"{axis} {_JOINED.get(here, ', or '.join(here))}")
    return "; ".join(parts)
