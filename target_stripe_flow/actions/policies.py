"""What the settings say of how records are treated, in terms of the table of actions."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.actions.table import ACTIONS, ActionSpec


class OnChange(enum.StrEnum):
    """What becomes of a changed record of a customer or product that exists."""

    REJECT = "reject"
    IGNORE = "ignore"
    UPDATE = "update"


@dataclass(frozen=True, kw_only=True)
class Policies:
    """`matches` are the parameters that existing objects are matched by, `is_key_clear` whether an object says its
    source key as it is, `is_key_id` whether the source key becomes the object's id where that is possible.
    """

    on_change: OnChange = OnChange.REJECT
    matches: frozenset[str] = frozenset()
    is_key_clear: bool = False
    is_key_id: bool = False
    ways: Mapping[str, Endpoint] = field(
        default_factory=lambda: {name: spec.endpoint for name, spec in ACTIONS.items()}
    )

    def match_by(self, spec: ActionSpec) -> str | None:
        return spec.match_by if spec.match_by in self.matches else None

    def key_as(self, spec: ActionSpec) -> str | None:
        return spec.key_as if self.is_key_id else None


def read_policies(config: Mapping[str, object]) -> Policies:
    """Out of settings that the schema has checked."""
    match_by = config.get("match_customers_by")
    return Policies(
        on_change=OnChange(str(config["on_change"])),
        matches=frozenset({str(match_by)} if match_by else ()),
        is_key_clear=bool(config["metadata_source_key"]),
        is_key_id=bool(config["product_id_from_key"]),
        ways={name: spec.way(config) for name, spec in ACTIONS.items()},
    )
