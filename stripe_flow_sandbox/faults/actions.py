"""All actions of faults. Each is one class, and its members are the words of a script."""

from __future__ import annotations

from typing import TypeAlias

from stripe_flow_sandbox.faults.answers import Answer, Truncate
from stripe_flow_sandbox.faults.connections import Cut, Trickle
from stripe_flow_sandbox.faults.delays import Hold, Latency, LateVisibility
from stripe_flow_sandbox.faults.limits import ConcurrencyLimit, RateLimit

Action: TypeAlias = Latency | Hold | Answer | Cut | Trickle | Truncate | LateVisibility | RateLimit | ConcurrencyLimit
