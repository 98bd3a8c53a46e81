"""Masks card numbers and API keys in values that are written to files and reports."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from stripe_flow.api import redaction
from target_stripe_flow.results.text import CARD_MASK

# Deeper levels of a message are not written: each costs two frames, and Python's stack ends at a thousand.
MOST_LEVELS = 100
# Python writes at most 4300 decimal digits.
MOST_BITS = 13_000

# Runs of digits, with up to three spaces, dots, dashes or invisible characters of any kind between them.
_NUMBERS = re.compile(r"\d+(?:[\s.\-\u00ad\u200b-\u200d\u2010-\u2015\u2060\u2212\ufeff]{1,3}\d+)*")
# How card numbers begin. Numbers with 1 and 20 are timestamps and dates, with 0 padded ids; no bank has 7.
# https://en.wikipedia.org/wiki/Payment_card_number#Issuer_identification_number_(IIN)
_BEGINNING = re.compile(r"2[2-7]|[3-6]|8[12]|9")
_IP_ADDRESS = re.compile(r"\d{3}(?:\.\d{3}){3}")
_DOUBLED = str.maketrans("0123456789", "0246813579")


def masked(value: Any, levels: int = MOST_LEVELS) -> Any:  # Any: JSON, or what a stream map made of it
    """`value` with card numbers and API keys masked, and values that JSON cannot hold replaced by text."""
    if isinstance(value, Mapping | list | tuple) and not levels:
        return f"[more than {MOST_LEVELS} levels]"
    if isinstance(value, Mapping):
        members: dict[str, Any] = {}
        for name, inner in value.items():
            members[_unused(masked(str(name)), members)] = masked(inner, levels - 1)
        return members
    if isinstance(value, list | tuple):
        return [masked(inner, levels - 1) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return _masked_number(value)
    return _NUMBERS.sub(_hide_cards, redaction.redact(str(value).encode(errors="replace").decode()))


def _unused(name: str, members: Mapping[str, Any]) -> str:
    """`name`, with a number if masking made it equal to another name: no value is dropped."""
    number, first = 1, name
    while name in members:
        number += 1
        name = f"{first} ({number})"
    return name


def _masked_number(value: Any) -> Any:  # Any: int or float, which mypy does not tell apart
    if isinstance(value, float) and not math.isfinite(value):
        # As text: null would look like a field that was left out.
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return "[too large a number]"
    return CARD_MASK if abs(value) < 10**19 and _is_card(str(abs(int(value)))) else value


def _hide_cards(found: re.Match[str]) -> str:
    """Mask the card numbers in a run of groups of digits; each begins and ends with a group."""
    text, parts, done = found[0], [], 0
    groups = [each.span() for each in re.finditer(r"\d+", text)]
    if found.string[max(found.start() - 1, 0) : found.start()] == "+" and sum(b - a for a, b in groups) <= 15:
        return text  # a phone number, https://www.itu.int/rec/T-REC-E.164
    for index, (start, _) in enumerate(groups):
        if start >= done and (end := _end_of_card(text, groups[index : index + 19])):
            parts += [text[done:start], CARD_MASK]
            done = end
    return "".join([*parts, text[done:]])


def _end_of_card(text: str, groups: Sequence[tuple[int, int]]) -> int:
    """The end of the longest card number that begins with the first group; 0 if there is none."""
    digits, found = "", 0
    for start, end in groups:
        digits += text[start:end]
        if len(digits) > 19:
            break
        if _is_card(digits) and not _IP_ADDRESS.fullmatch(text[groups[0][0] : end]):
            found = end
    return found


def _is_card(digits: str) -> bool:
    """Whether they pass the check of ISO/IEC 7812-1, as one in ten other numbers does."""
    if not 12 <= len(digits) <= 19:
        return False
    if not digits.isascii():  # full-width digits count as digits
        digits = "".join(str(int(digit)) for digit in digits)
    last_to_first = digits[::-1]
    return bool(
        _BEGINNING.match(digits)
        and sum(map(int, last_to_first[::2] + last_to_first[1::2].translate(_DOUBLED))) % 10 == 0
    )
