"""The rate of the key itself, for all accounts; pure, with explicit clocks.

Stripe names no limit of a key. It shows when several accounts answer 429 at once, although each keeps to its own rates.
"""

from __future__ import annotations

from collections import Counter

from stripe_flow.api.bucket import Bucket

# So many accounts must answer 429 within `TOGETHER_S` seconds: two may do so by chance.
MANY_ACCOUNTS = 3
TOGETHER_S = 1.0
_PARTS_OF_A_SECOND = 10


class KeyRate:
    """`bucket` is None until the key meets a limit. It starts from half the rate used in the last second.

    Once successes have restored that rate there is no bucket again.
    """

    def __init__(self) -> None:
        self.bucket: Bucket | None = None
        self._refused_at: dict[str | None, float] = {}
        self._sent: Counter[int] = Counter()  # by tenths of a second

    def record_send(self, now: float) -> None:
        """Count a request of any account, sent now."""
        part = int(now * _PARTS_OF_A_SECOND)
        if part not in self._sent:
            for old in [each for each in self._sent if each <= part - _PARTS_OF_A_SECOND]:
                del self._sent[old]
        self._sent[part] += 1

    def record_refusal(self, account: str | None, now: float) -> None:
        """Count a 429 of an account; slow the key down if several accounts answer so at once."""
        self._refused_at[account] = now
        self._refused_at = {each: at for each, at in self._refused_at.items() if now - at < TOGETHER_S}
        if len(self._refused_at) < MANY_ACCOUNTS:
            return
        if self.bucket is None:
            self.bucket = Bucket(max(1.0, self.used_per_s(now)))
        self.bucket.slow_down(now)

    def record_success(self) -> None:
        """Speed the key up."""
        if self.bucket is not None:
            self.bucket.speed_up()
            if not self.bucket.is_slowed:
                self.bucket = None

    def used_per_s(self, now: float) -> float:
        """Requests sent in the last second, to a tenth of a second."""
        part = int(now * _PARTS_OF_A_SECOND)
        return float(sum(count for each, count in self._sent.items() if part - _PARTS_OF_A_SECOND < each <= part))
