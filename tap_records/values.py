"""The types of a column: how a CSV cell becomes a value, and which JSON values have the type."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

# singer_sdk makes one Python call per level, and the interpreter allows 1,000. Real rows have far fewer levels.
MAX_DEPTH = 100


@dataclass(frozen=True, kw_only=True)
class ValueType:
    """A type of a column; `name` is its name in JSON schema, `expected` its description in messages.

    `parse` takes a cell that matches `pattern` and may raise ValueError. `accepts` takes any JSON value.
    """

    name: str
    expected: str
    pattern: re.Pattern[str]
    parse: Callable[[str], object]
    accepts: Callable[[object], bool]

    def from_cell(self, cell: str) -> object:
        """The value of a CSV cell. Raises ValueError if the cell does not have this type."""
        if not self.pattern.fullmatch(cell):
            raise ValueError("the cell does not match the type's pattern")
        value = self.parse(cell)
        if not self.accepts(value):
            raise ValueError("the value is not of this type")
        return value


def parse_json(text: str) -> object:
    """The value of a JSON text. Numbers with a fraction are Decimal, so that all digits are kept.

    Raises ValueError for invalid JSON, NaN, Infinity, a duplicate name in an object, and more than MAX_DEPTH levels.
    """
    try:
        value: object = json.loads(
            text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique_members
        )
    except (ArithmeticError, RecursionError) as error:
        raise ValueError("a number or the depth is out of range") from error
    # Counting brackets is cheap, and few texts have more than MAX_DEPTH of them.
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise ValueError(f"more than {MAX_DEPTH} levels")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object has a name twice")
    return value


def _depth(value: object) -> int:
    layer, depth = [value], 0
    while layer := [child for parent in layer for child in _children(parent)]:
        depth += 1
    return depth


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return False
    # JSON readers use floats: a larger number would become Infinity.
    return -sys.float_info.max <= value <= sys.float_info.max


ANYTHING = re.compile(r".*", re.DOTALL)
_TYPES = (
    ValueType(
        name="string", expected="a string", pattern=ANYTHING, parse=str, accepts=lambda value: isinstance(value, str)
    ),
    ValueType(
        name="integer",
        expected="an integer such as 1250 or -3",
        # `007` is refused: it is text, and as an integer key it would name the same row as `7`.
        pattern=re.compile(r"0|-?[1-9][0-9]*"),
        parse=int,
        accepts=_is_integer,
    ),
    ValueType(
        name="number",
        expected="a number such as 12.5",
        pattern=re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"),
        parse=parse_json,
        accepts=_is_finite_number,
    ),
    ValueType(
        name="boolean",
        expected="true or false",
        pattern=re.compile(r"true|false", re.ASCII | re.IGNORECASE),
        parse=lambda cell: cell.lower() == "true",
        accepts=lambda value: isinstance(value, bool),
    ),
    ValueType(
        name="object",
        expected="a JSON object",
        pattern=ANYTHING,
        parse=parse_json,
        accepts=lambda value: isinstance(value, dict),
    ),
    ValueType(
        name="array",
        expected="a JSON array",
        pattern=ANYTHING,
        parse=parse_json,
        accepts=lambda value: isinstance(value, list),
    ),
)
TYPES: Mapping[str, ValueType] = {value_type.name: value_type for value_type in _TYPES}
