"""What is written into the metadata of an object that is created, so that it can be told again whose it is."""

from __future__ import annotations

from collections.abc import Mapping

from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import MARKER, joined
from target_stripe_flow.results.outcome import Rejected

# Says the source key as it is, where a person wants it; the marker holds only its hash.
CLEAR_KEY = "stripe_flow_source_key"
# https://docs.stripe.com/api/metadata
MOST_KEYS = 50
LONGEST_VALUE = 500


def marked(metadata: Mapping[str, str], attempt: Attempt, *, is_clear: bool) -> dict[str, str]:
    """The metadata to send. Raises Rejected where a clear key is wanted and finds no room."""
    ours = {MARKER: attempt.marker}
    if is_clear:
        ours[CLEAR_KEY] = joined(attempt.source_key or ())
    all_of_it = {**metadata, **ours}
    if len(all_of_it) > MOST_KEYS:
        raise Rejected("takes at most 48 keys of your own while the setting metadata_source_key is on", "metadata")
    if len(ours.get(CLEAR_KEY, "")) > LONGEST_VALUE:
        raise Rejected(
            f"the source key is longer than the {LONGEST_VALUE} characters that metadata takes, and the setting "
            "metadata_source_key is on"
        )
    return all_of_it
