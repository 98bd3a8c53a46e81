"""A journal that may lack rows: `journal init` finds out for which actions, `journal rebuild` makes them complete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from sqlalchemy import select

from stripe_flow.api.client import Client
from stripe_flow.api.connection import Mode
from stripe_flow.api.errors import AccountHidden, ListUnfinished, PermissionMissing, RequestRefused
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.actions.table import ACTIONS, ActionSpec
from target_stripe_flow.attempts.identity import Scope
from target_stripe_flow.execution.object_lists import list_clocks, list_objects, views_of
from target_stripe_flow.journal.incomplete import add_incomplete, end_incomplete
from target_stripe_flow.journal.schema import attempts
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.recovery.marker_scan import Span
from target_stripe_flow.recovery.rebuild import Rebuilt, as_attempts, rebuild

# `journal init` reads so many of the newest objects of each list.
NEWEST = 100


@dataclass(frozen=True, kw_only=True)
class ListRebuilt:
    """What `journal rebuild` read of the list of an endpoint; `is_forbidden`: nothing, as the key may not read it."""

    name: str
    endpoint: Endpoint
    rebuilt: Rebuilt
    is_forbidden: bool = False


def find_lacking(client: Client, scope: Scope, chosen: Mapping[str, Endpoint]) -> dict[str, str]:
    """The actions that an empty journal lacks rows of → why. `chosen`: the endpoint of each action by the settings.

    An action whose newest objects have a marker of ours, or whose list may not be read. Raises AccountTrouble.
    """
    found = ((spec.name, _why_lacking(client, scope, spec, chosen[spec.name])) for spec in ACTIONS.values())
    return {name: why for name, why in found if why}


def _why_lacking(client: Client, scope: Scope, spec: ActionSpec, chosen: Endpoint) -> str:
    refusals: list[str] = []
    for endpoint in spec.endpoints.values():
        try:
            has_marker = any(_have_marker(client, scope, spec, endpoint))
        except AccountHidden:
            raise
        except PermissionMissing as error:
            if not _is_optional(endpoint, chosen):
                refusals.append(f"the list cannot be read: {error}")
        except (RequestRefused, ListUnfinished) as error:
            refusals.append(f"the list cannot be read: {error}")
        else:
            if has_marker:
                return f"objects at {endpoint.path} have markers of an earlier journal"
    return "; ".join(refusals)


def _have_marker(client: Client, scope: Scope, spec: ActionSpec, endpoint: Endpoint) -> Iterator[bool]:
    """Whether each of the newest objects has a marker; also of those that the list shows only if it is asked for them.

    Raises StripeError.
    """
    has_clocks = endpoint.clock_parameter is not None and scope.mode == Mode.TEST.value
    for view in chain(
        views_of(endpoint), views_of(endpoint, list_clocks(client))[len(endpoint.list_filters) :] if has_clocks else ()
    ):
        for item in islice(list_objects(client, endpoint, view, None), NEWEST):
            yield bool(as_attempts(item, scope, spec.name, endpoint))


def rebuild_action(
    reader: ListReader, spec: ActionSpec, chosen: Endpoint, on_list: Callable[[ListRebuilt], None]
) -> bool:
    """Add the rows of all lists of an action. Returns whether all of them were read. Raises AccountTrouble.

    From before the first request until then, the journal says that the action needs a rebuild. A list that the key may
    not read is left out. `on_list` is called after each list.
    """
    scope, since_unix = reader.scope, reader.span.first
    add_incomplete(reader.journal, scope.account, scope.mode, [spec.name], since_unix)
    read: list[ListRebuilt] = []
    # A PaymentIntent's charge carries the same marker, and the intent has more members: so it is read first.
    for name, endpoint in reversed(list(spec.endpoints.items())):
        read.append(reader.read(spec.name, name, endpoint))
        on_list(read[-1])
    is_whole = all(each.rebuilt.is_complete or reader.is_unused(each, read, chosen) for each in read)
    if is_whole:
        end_incomplete(reader.journal, scope.account, scope.mode, spec.name, since_unix)
    return is_whole


@dataclass(frozen=True, kw_only=True)
class ListReader:
    """Reads lists of Stripe's into a journal. `on_progress` gets the name of the list, and what was read so far."""

    client: Client
    journal: Journal
    scope: Scope
    span: Span
    on_progress: Callable[[str, Rebuilt], None]

    def read(self, action: str, name: str, endpoint: Endpoint) -> ListRebuilt:
        """Add the rows of one list. Raises AccountTrouble, but not for a missing permission."""
        try:
            done = rebuild(
                self.client,
                self.journal,
                self.scope,
                action=action,
                endpoint=endpoint,
                span=self.span,
                on_progress=lambda so_far: self.on_progress(name, so_far),
            )
        except AccountHidden:
            raise
        except PermissionMissing as error:
            return ListRebuilt(name=name, endpoint=endpoint, rebuilt=Rebuilt(gaps=[str(error)]), is_forbidden=True)
        return ListRebuilt(name=name, endpoint=endpoint, rebuilt=done)

    def is_unused(self, left_out: ListRebuilt, read: Iterable[ListRebuilt], chosen: Endpoint) -> bool:
        """Whether no run of this account can have created at the endpoint of a list that the key may not read.

        A PaymentIntent without a charge is only in that list, so neither a charge that was read nor a row of the
        journal may be of a PaymentIntent.
        """
        if not left_out.is_forbidden or not _is_optional(left_out.endpoint, chosen):
            return False
        if any(each.rebuilt.of_intents for each in read):
            return False
        is_of_list = (
            attempts.c.account == self.scope.account,
            attempts.c.mode == self.scope.mode,
            attempts.c.path == left_out.endpoint.path,
        )
        return not self.journal.ask(select(attempts.c.digest).where(*is_of_list).limit(1))


def _is_optional(endpoint: Endpoint, chosen: Endpoint) -> bool:
    """Whether its objects show in another list too: a PaymentIntent's charge does, which carries the same marker."""
    return endpoint.makes_intent and endpoint is not chosen
