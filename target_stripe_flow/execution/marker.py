"""The marker: metadata of each created object, by which a later run recognises the record that it was made from."""

from __future__ import annotations

from collections.abc import Mapping

from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import MARKER, joined
from target_stripe_flow.results.outcome import Rejected

# Holds the source key in clear text if metadata_source_key is set; the marker holds only a hash.
CLEAR_KEY = "stripe_flow_source_key"
# https://docs.stripe.com/api/metadata
MOST_KEYS = 50
LONGEST_VALUE = 500


def marked(metadata: Mapping[str, str], attempt: Attempt, *, is_clear: bool) -> dict[str, str]:
    """The metadata to send: `metadata`, the marker, and with `is_clear` the source key in clear text.

    Raises Rejected if the clear source key does not fit.
    """
    ours = {MARKER: attempt.marker}
    if is_clear:
        ours[CLEAR_KEY] = joined(attempt.source_key or ())
    combined = {**metadata, **ours}
    if len(combined) > MOST_KEYS:
        raise Rejected("takes at most 48 keys of your own while the setting metadata_source_key is on", "metadata")
    if len(ours.get(CLEAR_KEY, "")) > LONGEST_VALUE:
        raise Rejected(
            f"the source key is longer than {LONGEST_VALUE} characters, the limit of a metadata value, while the "
            "setting metadata_source_key is on"
        )
    return combined
