"""The path of an object stays in its list, whatever the id holds: also on the wire."""

from __future__ import annotations

from urllib.parse import unquote, urljoin, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow.api.paths import MOST_BYTES, object_path

LIST = "/v1/products"
_odd = st.sampled_from(
    [".", "..", "/", "%2e", "%2E", "%2f", "\\", "?", "#", ";", "%", " ", "a", "\0", "\r\n", "\ud800", "ü"]
)
ids = st.text() | st.lists(_odd, max_size=6).map("".join)


@pytest.mark.promise("target 13", "An id of any characters never makes a request to another address of Stripe's API")
@given(ids)
def test_no_id_leaves_its_list(object_id: str) -> None:
    try:
        path = object_path(LIST, object_id)
    except ValueError:
        assert not object_id or object_id in {".", ".."} or "\0" in object_id or not is_text(object_id)
        return

    head, _, last = path.rpartition("/")
    sent = requests.Request("GET", f"https://api.stripe.com{path}").prepare()
    assert (head, unquote(last)) == (LIST, object_id)
    assert path.isascii()
    # The library that sends it, and a server that resolves dots, leave it where it is.
    assert sent.path_url == path == urlsplit(urljoin("https://api.stripe.com/", path)).path


@pytest.mark.parametrize("object_id", ["", ".", "..", "a\0", "\0", "\ud800", "x" * (MOST_BYTES + 1), "ü" * MOST_BYTES])
def test_what_no_path_can_hold_is_refused(object_id: str) -> None:
    with pytest.raises(ValueError, match=r"^it "):
        object_path(LIST, object_id)


@pytest.mark.parametrize("object_id", ["%2e%2e", "...", "../customers", "a/b", "/", "~", "cus_1", "x" * MOST_BYTES])
def test_any_other_text_is_an_id(object_id: str) -> None:
    assert unquote(object_path(LIST, object_id)) == f"{LIST}/{object_id}" or "%" in object_id


def is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
