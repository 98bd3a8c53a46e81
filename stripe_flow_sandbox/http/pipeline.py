"""The steps of one request, with four named points at which a fault can delay, change or end it.

before_read → (admitted) → before_execute → (executed) → after_execute → (claim closed) → before_answer → sent
"""

from __future__ import annotations

from stripe_flow_sandbox.faults.faults import Faults
from stripe_flow_sandbox.service.exchange import Admitted, Exchange, Point, Request
from stripe_flow_sandbox.service.service import Service


class Pipeline:
    """Runs each request: the service executes its steps, and the faults act between them."""

    def __init__(self, service: Service, faults: Faults) -> None:
        self.service = service
        self.faults = faults

    async def run(self, request: Request) -> Exchange:
        """The exchange with its answer. Raises ConnectionCut if a fault ends the connection."""
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
        """Executes the request, and closes its claim even if the connection is lost meanwhile."""
        try:
            await self._pass("before_execute", exchange)
            if exchange.answer is None:
                self.service.execute(exchange, admitted)
                await self._pass("after_execute", exchange)
        finally:
            self.service.close_claim(exchange)

    async def _pass(self, point: Point, exchange: Exchange) -> None:
        for action in self.faults.due(point, exchange):
            await action(exchange)
