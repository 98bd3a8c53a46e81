"""The way of one request through the sandbox, with four named points where it can wait, change or end.

before_read → (admitted) → before_execute → (executed) → after_execute → (key settled) → before_answer → sent
"""

from __future__ import annotations

from stripe_flow_sandbox.faults.faults import Faults
from stripe_flow_sandbox.service.exchange import Admitted, Exchange, Point, Request
from stripe_flow_sandbox.service.service import Service


class Pipeline:
    """Takes each request through the points; the service decides, the faults disturb."""

    def __init__(self, service: Service, faults: Faults) -> None:
        self.service = service
        self.faults = faults

    async def run(self, request: Request) -> Exchange:
        """The exchange with its answer. Raises ConnectionCut where a fault says so."""
        exchange = self.service.arrive(request)
        try:
            await self._pass("before_read", exchange)
            if exchange.answer is None:
                self.service.admit(exchange)
            if exchange.admitted is not None:
                await self._execute(exchange, exchange.admitted)
            await self._pass("before_answer", exchange)
        finally:
            for done in exchange.when_done:
                done()
        return exchange

    async def _execute(self, exchange: Exchange, admitted: Admitted) -> None:
        """The claim on the key is closed whatever happens: a lost connection must not leave it running."""
        try:
            await self._pass("before_execute", exchange)
            if exchange.answer is None:
                self.service.execute(exchange, admitted)
                await self._pass("after_execute", exchange)
        finally:
            self.service.settle(exchange)

    async def _pass(self, point: Point, exchange: Exchange) -> None:
        for action in self.faults.due(point, exchange):
            await action(exchange)
