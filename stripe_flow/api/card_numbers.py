"""Finds card numbers in text: the one rule for what is refused, masked and never logged.

A number counts if its length and first digits are those of a brand and its check digit is right, in any decimal digits
of Unicode, and with any punctuation, white space or invisible characters between them. Stripe ids, hashes, UUIDs,
IBANs, decimal fractions and parts of longer lists do not count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from stripe_flow.api.stripe_ids import PREFIX

CARD_MASK = "[card number]"

# Brands by their first digits and lengths. No length but 15 begins with 1, as times in Unix units do.
# https://en.wikipedia.org/wiki/Payment_card_number#Issuer_identification_number_(IIN)
_BRANDS = (
    r"4\d{15}|4\d{18}",  # Visa
    r"4(?![39])\d{12}",  # Visa's old length, which telephone numbers of Austria (43) and Germany (49) have, too
    r"5\d{15}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}",  # Mastercard, and those that share its range
    r"3[47]\d{13}",  # American Express
    r"3(?:0[0-5]|09|6\d|[89]\d)(?:\d{11}|\d{13})",  # Diners Club
    r"35(?:2[89]|[3-8]\d)\d{12,15}|(?:1800|2131)\d{11}",  # JCB
    r"(?:6011|64[4-9]\d|65\d\d|62\d\d)\d{12,15}",  # Discover, UnionPay
    r"6\d{15}|8[12]\d{14}",  # Maestro, RuPay, Hipercard
    r"(?:0604|5018|5020|5038|5893|6304|6390|6759|676[1-3])\d{8,15}",  # Maestro
    r"220[0-4]\d{12}|9792\d{12}|9860\d{12}",  # Mir, Troy, Humo
)
_BRAND = re.compile("|".join(_BRANDS))
SHORTEST, LONGEST = 12, 19
# As a JSON integer a shorter one may be an amount: Stripe takes up to 12 digits.
_SHORTEST_INTEGER = 10**12
_DOUBLED = str.maketrans("0123456789", "0246813579")

# Ids of Stripe, hashes and UUIDs: a card number is no part of one. Not `card_`, which people write before a number.
_ID = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?!card_){PREFIX}[A-Za-z0-9]+|[0-9a-f]{{32,}}|[0-9A-Fa-f]{{8}}(?:-[0-9A-Fa-f]{{4}}){{3}}-"
    r"[0-9A-Fa-f]{12})(?![A-Za-z0-9])"
)
# An IBAN, together or in groups of four. https://en.wikipedia.org/wiki/International_Bank_Account_Number
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_SHORTEST_IBAN = 15
# Python and JavaScript print a double with up to 17 digits.
_DOUBLE_DIGITS = 17

# `_Kinds` writes each character as its kind: a digit, these, and `a` for letters and other numbers.
_INVISIBLE, _BETWEEN, _POINT, _PLUS = "~ .+"
_BLANKS = "\u115f\u1160\u3164\uffa0"  # letters of Hangul that show nothing
_RUN = re.compile(r"[0-9](?:~*(?:[ .+]~*){0,12}[0-9])*")
_GROUP = re.compile(r"[0-9](?:~*[0-9])*")
_ENOUGH = re.compile(rf"(?:[0-9][~ .+]*){{{SHORTEST}}}")


class _Kinds(dict[int, str]):
    """Code point → kind, remembered."""

    def __missing__(self, code: int) -> str:
        self[code] = kind = _kind(chr(code))
        return kind


def _kind(character: str) -> str:
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    if character in ".,":
        return _POINT
    category = unicodedata.category(character)
    if category in {"Cf", "Mn", "Me"} or character in _BLANKS or (category == "Cc" and not character.isspace()):
        return _INVISIBLE
    return "a" if character.isalnum() or category == "Cs" else _PLUS if character == "+" else _BETWEEN


_KINDS = _Kinds()


def find_card_numbers(text: str) -> list[tuple[int, int]]:
    """The start and end of each card number in `text`, in order (pure)."""
    kinds = text.translate(_KINDS)
    if _ENOUGH.search(kinds) is None:
        return []
    found = [span for run in _RUN.finditer(kinds) for span in _in_run(text, kinds, *run.span())]
    ids = list(_other_numbers(text)) if found else []
    return [(start, end) for start, end in found if not any(a <= start and end <= b for a, b in ids)]


def holds_card_number(value: object) -> bool:
    """Whether a text, a whole number or a member's name is or contains a card number (pure)."""
    if isinstance(value, str):
        return bool(find_card_numbers(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return _SHORTEST_INTEGER <= abs(value) < 10**LONGEST and _is_card(str(abs(int(value))))


def mask_card_numbers(text: str) -> str:
    """`text` with each card number replaced by `CARD_MASK` (pure)."""
    parts, done = [], 0
    for start, end in find_card_numbers(text):
        parts += [text[done:start], CARD_MASK]
        done = end
    return "".join([*parts, text[done:]]) if parts else text


def _other_numbers(text: str) -> Iterator[tuple[int, int]]:
    """The start and end of each Stripe id, hash, UUID and valid IBAN."""
    yield from (each.span() for each in _ID.finditer(text))
    for each in _IBAN.finditer(text):
        ends = (part.end() for part in re.finditer("[^ ]+", each[0]))  # words in capitals may follow it
        yield from ((each.start(), each.start() + end) for end in ends if _is_iban(each[0][:end]))


def _is_iban(text: str) -> bool:
    """Whether the check digits of ISO 13616 fit."""
    iban = text.replace(" ", "")
    return len(iban) >= _SHORTEST_IBAN and int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1


def _in_run(text: str, kinds: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The card numbers in a run of groups of digits; each begins and ends with a group."""
    groups = [each.span() for each in _GROUP.finditer(kinds, start, end)]
    done = start
    for index, (first, first_end) in enumerate(groups):
        # Inside a long run no number begins with a group of one or two digits: see `_is_written_so`.
        is_inside = 0 < index < len(groups) - LONGEST and first_end - first < 3
        is_inside = is_inside or _is_fraction(text, groups, index)
        if first >= done and not is_inside and (last := _end_of_card(text, kinds, groups, index)):
            yield first, last
            done = last


def _end_of_card(text: str, kinds: str, groups: Sequence[tuple[int, int]], first: int) -> int:
    """The end of the longest card number that begins with the group `first`; 0 if there is none."""
    digits, sizes, found = "", [], 0
    start = groups[first][0]
    for index in range(first, min(first + LONGEST, len(groups))):
        group = kinds[slice(*groups[index])].replace(_INVISIBLE, "")
        digits += group
        sizes.append(len(group))
        end = groups[index][1]
        if len(digits) > LONGEST:
            break
        is_telephone = kinds[start - 1 : start] == _PLUS and len(digits) < 14
        if not is_telephone and _is_card(digits):
            edges = (first == 0, index == len(groups) - 1)
            is_one = _is_number(text[end : end + 1], kinds[start:end], sizes) and _is_written_so(sizes, edges)
            if is_one and not _is_in_list(text, groups, first, index):
                found = end
    return found


def _is_number(after: str, kinds: str, sizes: Sequence[int]) -> bool:
    """Whether it is one number: a decimal fraction is not, unless it has an exponent, and a pair of them is not."""
    marks = re.findall(r"[^0-9~]+", kinds)
    if len(sizes) == 2:
        return marks != [_POINT] or after in {"e", "E"}
    return not (len(sizes) == 4 and marks[0] == marks[2] == _POINT and max(sizes[0], sizes[2]) <= 3)


def _is_fraction(text: str, groups: Sequence[tuple[int, int]], index: int) -> bool:
    """Whether the group is what follows the point of a decimal number, such as 0.4242424242424242."""
    if not index:
        return False
    (whole, point), (start, end) = groups[index - 1], groups[index]
    outside = (text[whole - 1 : whole], text[end : end + 1])
    is_short = text[whole:point] == "0" or (point - whole <= 3 and point - whole + end - start <= _DOUBLE_DIGITS)
    return text[point:start] == "." and is_short and "." not in outside and outside[1] not in {"e", "E"}


def _is_in_list(text: str, groups: Sequence[tuple[int, int]], first: int, last: int) -> bool:
    """Whether the groups are a part of a longer list of numbers with commas or semicolons between them."""
    around = range(max(first - 1, 0), min(last + 1, len(groups) - 1))
    marks = {text[groups[index][1] : groups[index + 1][0]].strip() for index in around}
    return first < last and len(around) > last - first and len(marks) == 1 and marks <= {",", ";"}


def _is_written_so(sizes: Sequence[int], edges: tuple[bool, bool]) -> bool:
    """Whether people write a card number in groups of these sizes. `edges`: it begins and ends the run of groups.

    Lists of small numbers are found everywhere, so groups of one or two digits count only at the edges of a run.
    """
    if min(sizes) >= 3 or (len(set(sizes[:-1])) == 1 and sizes[0] >= 3):
        return True
    return any(edges) if set(sizes) == {1} else all(edges)


def _is_card(digits: str) -> bool:
    """Whether brand, length and the check digit of ISO/IEC 7812-1 fit; a valid EAN-13 bar code is none."""
    if not _BRAND.fullmatch(digits):
        return False
    last_to_first = digits[::-1]
    if sum(map(int, last_to_first[::2] + last_to_first[1::2].translate(_DOUBLED))) % 10:
        return False
    return len(digits) != 13 or bool((sum(map(int, digits[::2])) + 3 * sum(map(int, digits[1::2]))) % 10)
