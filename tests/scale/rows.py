"""Charges to make, in parts that overlap: each row except the first and last ones is in two files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Parts:
    """`count` files of `size` rows, each beginning in the middle of the one before it."""

    count: int
    size: int

    @property
    def orders(self) -> list[str]:
        """The source keys of all rows."""
        return [f"order-{number:03}" for number in range((self.count + 1) * self.size // 2)]

    def write(self, root: Path) -> dict[str, dict[str, str]]:
        """Write the files; returns the value of STRIPE_FLOW_PARTS for them."""
        files = [self._file(root, part) for part in range(self.count)]
        return {f"part-{part}": {"TAP_RECORDS_FILES": json.dumps([file])} for part, file in enumerate(files)}

    def _file(self, root: Path, part: int) -> dict[str, object]:
        name = f"part-{part}.jsonl"
        start = part * self.size // 2
        rows = [
            {"order_id": order, "amount": 100 + number, "currency": "usd", "source": "tok_visa", "description": order}
            for number, order in enumerate(self.orders)
            if start <= number < start + self.size
        ]
        (root / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        return {"path": name, "stream": "charges", "key_properties": ["order_id"]}


PARTS = Parts(count=4, size=60)
