"""The settings that change how actions treat records."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.actions.table import ACTIONS, ActionSpec


class OnChange(enum.StrEnum):
    """What to do with a changed record of a customer or product that exists."""

    REJECT = "reject"
    IGNORE = "ignore"
    UPDATE = "update"


@dataclass(frozen=True, kw_only=True)
class Policies:
    """`matches`: parameters that existing objects are matched by. `endpoints`: the chosen endpoint of each action.

    `shows_key`: the metadata of an object holds its source key in clear text. `uses_key_as_id`: the source key becomes
    the object's id where Stripe takes one.
    """

    on_change: OnChange = OnChange.REJECT
    matches: frozenset[str] = frozenset()
    shows_key: bool = False
    uses_key_as_id: bool = False
    endpoints: Mapping[str, Endpoint] = field(
        default_factory=lambda: {name: spec.endpoint for name, spec in ACTIONS.items()}
    )

    def match_by(self, spec: ActionSpec) -> str | None:
        """The parameter that existing objects are matched by; None if they are not."""
        return spec.match_by if spec.match_by in self.matches else None

    def id_parameter(self, spec: ActionSpec) -> str | None:
        """The parameter that gets the source key as the object's id; None if Stripe chooses the id."""
        return spec.id_parameter if self.uses_key_as_id else None


def read_policies(config: Mapping[str, object]) -> Policies:
    """The policies in settings that the schema has checked."""
    match_by = config.get("match_customers_by")
    return Policies(
        on_change=OnChange(str(config["on_change"])),
        matches=frozenset({str(match_by)} if match_by else ()),
        shows_key=bool(config["metadata_source_key"]),
        uses_key_as_id=bool(config["product_id_from_key"]),
        endpoints={name: spec.choose_endpoint(config) for name, spec in ACTIONS.items()},
    )
