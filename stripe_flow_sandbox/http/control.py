"""The controls under `/_sandbox/`: tests read and change the sandbox with them. They need no key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.errors import Refusal
from stripe_flow_sandbox.faults.faults import Faults, Script
from stripe_flow_sandbox.furnish.kinds import KINDS, kinds_named
from stripe_flow_sandbox.furnish.making import change, delete, make
from stripe_flow_sandbox.service.exchange import Request
from stripe_flow_sandbox.service.service import Service
from stripe_flow_sandbox.state.space import Call, Space


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """An answer of a control."""

    status: int
    body: bytes
    cuts_connections: bool = False


class ClockOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`{"set": n}` or `{"advance_s": n}`."""

    to: int | None = msgspec.field(default=None, name="set")
    advance_s: int | None = None


class FaultsOrder(Script, frozen=True, forbid_unknown_fields=True):
    """A new script, or `{"release": [name, …]}`."""

    release: list[str] | None = None


class ObjectsOrder(msgspec.Struct, forbid_unknown_fields=True):
    """Create, change or delete objects without a request, as other parts of Stripe would.

    `type` is a type of objects, or the name of the tap's stream that reads them. `count` new objects, each `every_s`
    seconds older than the next, or a change or deletion of the object with this id; without any of them one new object.
    `values` are members of the new or changed objects. `of` is the id of the parent of child objects. `account` is the
    sandbox's first one by default.
    """

    type: str
    count: Annotated[int, msgspec.Meta(ge=0)] | None = None
    every_s: int = 0
    of: str | None = None
    account: str | None = None
    change: str | None = None
    values: Object = msgspec.field(default_factory=dict)
    delete: str | None = None


def json_answer(status: int, content: object) -> ControlAnswer:
    """An answer with `content` as JSON."""
    return ControlAnswer(status, msgspec.json.encode(content) + b"\n")


def said(error: Exception) -> str:
    """What an error says: a refusal of the API its message, a KeyError its text without quotes."""
    return str(error.error["message"] if isinstance(error, Refusal) else error.args[0] if error.args else error)


PREFIX = "/_sandbox/"

# A machine that was suspended for this long has lost its connections.
CUT_AFTER_JUMP_S = 60 * 60


_Run: TypeAlias = Callable[[Request], "ControlAnswer"]


class Control:
    """The controls of one sandbox."""

    def __init__(self, service: Service, faults: Faults, *, account: str, livemode: bool) -> None:
        """`account` and `livemode` are the defaults of `objects`."""
        self._service = service
        self._faults = faults
        self._account = account
        self._livemode = livemode
        self._runs: Mapping[tuple[str, str], _Run] = {
            ("GET", "clock"): self._clock,
            ("POST", "clock"): self._move_clock,
            ("GET", "faults"): self._fault_states,
            ("POST", "faults"): self._set_faults,
            ("GET", "limits"): self._limits,
            ("GET", "requests"): self._requests,
            ("GET", "objects"): self._objects,
            ("POST", "objects"): self._change_objects,
            ("GET", "types"): self._types,
        }

    def is_for(self, request: Request) -> bool:
        """Whether the request is for a control."""
        return request.path.startswith(PREFIX)

    def answer(self, request: Request) -> ControlAnswer:
        """Run a control: 404 for an unknown one, 400 with `error` for an invalid request."""
        run = self._runs.get((request.method, request.path.removeprefix(PREFIX)))
        if run is None:
            return json_answer(404, {"error": f"the sandbox has no control {request.method} {request.path}"})
        try:
            return run(request)
        except (ValueError, KeyError, Refusal) as error:
            return json_answer(400, {"error": said(error)})

    def _clock(self, _: Request) -> ControlAnswer:
        return json_answer(200, {"now": self._service.clock.now()})

    def _move_clock(self, request: Request) -> ControlAnswer:
        order = msgspec.json.decode(request.body, type=ClockOrder)
        clock = self._service.clock
        if (order.to is None) == (order.advance_s is None):
            raise ValueError('the clock takes either {"set": Unix seconds} or {"advance_s": seconds}')
        target = order.to if order.to is not None else clock.now() + (order.advance_s or 0)
        jump_s = clock.move_to(target)
        answer = json_answer(200, {"now": clock.now()})
        return ControlAnswer(answer.status, answer.body, cuts_connections=abs(jump_s) > CUT_AFTER_JUMP_S)

    def _fault_states(self, _: Request) -> ControlAnswer:
        return json_answer(200, {"rules": self._faults.states()})

    def _set_faults(self, request: Request) -> ControlAnswer:
        order = msgspec.json.decode(request.body, type=FaultsOrder)
        if order.release is not None:
            self._faults.release(order.release)
        else:
            self._faults.replace(order)
        return self._fault_states(request)

    def _limits(self, _: Request) -> ControlAnswer:
        """The limits of `--limits`, and how many requests they let pass and refused."""
        return json_answer(200, self._service.limits.state())

    def _requests(self, request: Request) -> ControlAnswer:
        """The request log, oldest first; with `?request_id=` only that request."""
        wanted = dict(parse_qsl(request.query.decode())).get("request_id")
        entries = self._service.log.entries
        return json_answer(200, {"data": [each for each in entries if wanted in (None, each.request_id)]})

    def _objects(self, request: Request) -> ControlAnswer:
        """All objects of `?type=`, optionally of `account` and `livemode`, including hidden and deleted ones."""
        query = dict(parse_qsl(request.query.decode()))
        nouns = dict.fromkeys(kind.noun for kind in kinds_named(query.get("type", "")))
        livemode = query["livemode"] == "true" if "livemode" in query else self._livemode
        space = self._space(query.get("account"), livemode=livemode)
        bodies = b",".join(body for noun in nouns for body in space.every_body(noun))
        return ControlAnswer(200, b'{"data":[' + bodies + b"]}")

    def _change_objects(self, request: Request) -> ControlAnswer:
        """Create, change or delete objects; answers their ids, oldest first."""
        order = msgspec.json.decode(request.body, type=ObjectsOrder)
        kinds_named(order.type)
        space = self._space(order.account, livemode=self._livemode)
        call = Call(space=space, now=self._service.clock.now(), params={}, request_id=None)
        count = order.count if order.count is not None else 0 if order.change or order.delete else 1
        times = [call.now - order.every_s * younger for younger in reversed(range(count))]
        done = [make(replace(call, now=time), order.type, order.values, of=order.of) for time in times]
        done += [change(call, order.type, order.change, order.values, of=order.of)] if order.change else []
        done += [delete(call, order.type, order.delete, of=order.of)] if order.delete else []
        return json_answer(200, {"ids": [each["id"] for each in done]})

    def _space(self, account: str | None, *, livemode: bool) -> Space:
        """The account as it is now, the default one for None. Raises KeyError for an unknown account."""
        space = self._service.space(account or self._account, livemode=livemode)
        space.catch_up(self._service.clock.now())
        return space

    def _types(self, _: Request) -> ControlAnswer:
        """The types that the sandbox can make, with the tap's stream, the list and the type of the parent."""
        return json_answer(200, {"data": [kind.described() for kind in KINDS]})
