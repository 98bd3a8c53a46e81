"""The streams: what Stripe lists, one entry each. Data only; the engine treats them all alike."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """One list of Stripe's that can be read in windows of `created`.

    `path` lists the objects newest first; `right` is what a restricted key needs to read it.
    """

    name: str
    path: str
    right: str

    def schema(self) -> dict[str, object]:
        """The JSON schema of the stream's records, from `schemas/` (generated, see scripts/generate_schemas.py)."""
        text = resources.files("tap_stripe_flow").joinpath("schemas", f"{self.name}.json").read_text(encoding="utf-8")
        found: dict[str, object] = json.loads(text)
        return found


STREAMS = (
    StreamSpec(name="charges", path="/v1/charges", right="rak_charge_read"),
    StreamSpec(name="refunds", path="/v1/refunds", right="rak_charge_read"),
)
