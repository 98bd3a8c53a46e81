"""The path of one object: the path of its list and one more segment, whatever its id holds."""

from __future__ import annotations

from urllib.parse import quote

# Servers refuse longer addresses with a page that is not Stripe's (HTTP 414). Ids that Stripe chooses have at most 255
# characters (https://docs.stripe.com/upgrades#what-changes-does-stripe-consider-to-be-backwards-compatible).
MOST_BYTES = 4_000


def object_path(list_path: str, object_id: str) -> str:
    """The path of the object with this id in the list at `list_path`.

    Raises ValueError for an id that no path can hold: empty, `.` and `..`, which name another path, NUL, half of a
    surrogate pair, or more than `MOST_BYTES` when quoted.
    """
    if object_id in {"", ".", ".."} or "\0" in object_id:
        raise ValueError("it names another path")
    try:
        segment = quote(object_id, safe="")
    except UnicodeEncodeError:
        raise ValueError("it contains half of a surrogate pair") from None
    if len(segment) > MOST_BYTES:
        raise ValueError("it is too long for a path")
    return f"{list_path}/{segment}"
