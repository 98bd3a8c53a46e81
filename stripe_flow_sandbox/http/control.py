"""The controls under `/_sandbox/`: what a test may see and turn. They need no key; only loopback reaches them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl

import msgspec

from stripe_flow_sandbox.answers.errors import Refusal
from stripe_flow_sandbox.faults.faults import Faults
from stripe_flow_sandbox.http.orders import ClockOrder, Controlled, FaultsOrder, ObjectsOrder, json_answer
from stripe_flow_sandbox.objects.read_only_changes import change, delete, make
from stripe_flow_sandbox.service.exchange import Request
from stripe_flow_sandbox.service.service import Service
from stripe_flow_sandbox.state.space import Call

PREFIX = "/_sandbox/"

# A machine that slept so long finds its connections gone.
CUT_AFTER_JUMP_S = 60 * 60


_Run: TypeAlias = Callable[[Request], "Controlled"]


class Control:
    """The operator's side of one sandbox."""

    def __init__(self, service: Service, faults: Faults, *, account: str, livemode: bool) -> None:
        """`account` and `livemode` are what `objects` shows if it is not told."""
        self._service = service
        self._faults = faults
        self._account = account
        self._livemode = livemode
        self._runs: Mapping[tuple[str, str], _Run] = {
            ("GET", "clock"): self._clock,
            ("POST", "clock"): self._move_clock,
            ("GET", "faults"): self._shown_faults,
            ("POST", "faults"): self._set_faults,
            ("GET", "requests"): self._requests,
            ("GET", "objects"): self._objects,
            ("POST", "objects"): self._change_objects,
        }

    def is_for(self, request: Request) -> bool:
        return request.path.startswith(PREFIX)

    def answer(self, request: Request) -> Controlled:
        run = self._runs.get((request.method, request.path.removeprefix(PREFIX)))
        if run is None:
            return json_answer(404, {"error": f"no control {request.method} {request.path}"})
        try:
            return run(request)
        except (ValueError, KeyError, Refusal) as error:
            return json_answer(400, {"error": str(error)})

    def _clock(self, _: Request) -> Controlled:
        return json_answer(200, {"now": self._service.clock.now()})

    def _move_clock(self, request: Request) -> Controlled:
        order = msgspec.json.decode(request.body, type=ClockOrder)
        clock = self._service.clock
        if (order.to is None) == (order.advance_s is None):
            raise ValueError('give {"set": unix seconds} or {"advance_s": seconds}')
        target = order.to if order.to is not None else clock.now() + (order.advance_s or 0)
        jump_s = clock.move_to(target)
        said = json_answer(200, {"now": clock.now()})
        return Controlled(said.status, said.body, cuts_connections=abs(jump_s) > CUT_AFTER_JUMP_S)

    def _shown_faults(self, _: Request) -> Controlled:
        return json_answer(200, {"rules": self._faults.shown()})

    def _set_faults(self, request: Request) -> Controlled:
        order = msgspec.json.decode(request.body, type=FaultsOrder)
        if order.release is not None:
            self._faults.release(order.release)
        else:
            self._faults.replace(order)
        return self._shown_faults(request)

    def _requests(self, request: Request) -> Controlled:
        """The request log, oldest first; `?request_id=` for one of it."""
        wanted = dict(parse_qsl(request.query.decode())).get("request_id")
        entries = self._service.log.entries
        return json_answer(200, {"data": [each for each in entries if wanted in (None, each.request_id)]})

    def _objects(self, request: Request) -> Controlled:
        """`?type=charge`, and `account`, `livemode`: every object, hidden and deleted ones too."""
        asked = dict(parse_qsl(request.query.decode()))
        livemode = asked["livemode"] == "true" if "livemode" in asked else self._livemode
        space = self._service.space(asked.get("account") or self._account, livemode=livemode)
        space.catch_up(self._service.clock.now())
        bodies = b",".join(space.every_body(asked["type"]))
        return Controlled(200, b'{"data":[' + bodies + b"]}")

    def _change_objects(self, request: Request) -> Controlled:
        """The ids of what was made, changed or deleted, oldest first."""
        order = msgspec.json.decode(request.body, type=ObjectsOrder)
        space = self._service.space(self._account, livemode=self._livemode)
        call = Call(space=space, now=self._service.clock.now(), params={}, request_id=None)
        ages_s = [order.every_s * younger for younger in reversed(range(order.count))]
        done = [make(call, order.type, of=order.of, age_s=age_s) for age_s in ages_s]
        done += [change(call, order.type, order.change, order.values, of=order.of)] if order.change else []
        done += [delete(call, order.type, order.delete, of=order.of)] if order.delete else []
        return json_answer(200, {"ids": [each["id"] for each in done]})
