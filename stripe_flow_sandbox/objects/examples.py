"""New objects of the kinds that no API call creates: Stripe's examples with ids and times of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from stripe_flow_sandbox.answers.codec import Object, decode, encode
from stripe_flow_sandbox.parameters.accepted import data
from stripe_flow_sandbox.state.space import Space

# Every time in `data/read_only_objects.json` is this second.
_SOME_TIME = re.compile(rb":1234567890(?=[,}\]])")


@cache
def _examples() -> Mapping[str, bytes]:
    return {noun: encode(example) for noun, example in data("read_only_objects.json").items()}


def example_fields(noun: str) -> Object:
    """The members of Stripe's example; the caller sets ids and times."""
    return decode(_examples()[noun])


def new_example(space: Space, noun: str, at: int) -> Object:
    """A new object of type `noun`, not stored yet, whose times are all the Unix second `at`."""
    made = decode(_SOME_TIME.sub(b":%d" % at, _examples()[noun]))
    made["id"] = space.new_id_like(str(made["id"]))
    if "livemode" in made:
        made["livemode"] = space.livemode
    return made
