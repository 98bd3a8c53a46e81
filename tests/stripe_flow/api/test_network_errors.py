from __future__ import annotations

import pytest
import requests

from stripe_flow.api.network_errors import describe


def every_subclass(kind: type[requests.RequestException]) -> set[type[requests.RequestException]]:
    return {kind}.union(*(every_subclass(child) for child in kind.__subclasses__()))


@pytest.mark.parametrize("kind", sorted(every_subclass(requests.RequestException), key=str))
def test_every_error_of_requests_has_a_description_without_its_text(kind: type[requests.RequestException]) -> None:
    try:
        error = kind("GET /v1/customers?email=canary@example.com")
    except TypeError:  # JSONDecodeError takes the position as well
        error = kind("canary", "canary", 0)

    assert describe(error)
    assert "canary" not in describe(error)
