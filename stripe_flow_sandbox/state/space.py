"""One account in one mode: its objects, its idempotency keys, and how a request changes them."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from stripe_flow_sandbox.answers.codec import Object, decode
from stripe_flow_sandbox.answers.errors import refuse
from stripe_flow_sandbox.answers.ids import id_like, make_id
from stripe_flow_sandbox.answers.versions import Lists, shown_in
from stripe_flow_sandbox.parameters.shapes import API_VERSION, fresh
from stripe_flow_sandbox.state.child_lists import CHILD_LISTS
from stripe_flow_sandbox.state.collection import Collection, Seeded
from stripe_flow_sandbox.state.idempotency import KeyStore
from stripe_flow_sandbox.state.keys_file import AccountEntry
from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS

# https://docs.stripe.com/api/events: no order inside one second. Flipping bits of the running number shuffles
# neighbours, and flipping them again finds the number back.
_EVENT_SHUFFLE = 0b1011_0101


# Stripe's name of the path parameter that holds the id, where it is not `id`.
_IN_PATH = {"payment_intent": "intent", "price": "price", "test_helpers.test_clock": "test_clock"}

_NOUNS = (
    "charge",
    "customer",
    "event",
    "payment_intent",
    "payment_method",
    "price",
    "product",
    "refund",
    "test_helpers.test_clock",
    *(row.noun for row in READ_ONLY_LISTS),
    *(noun for spec in CHILD_LISTS for noun in spec.nouns),
)


@dataclass(frozen=True, slots=True)
class Seeds:
    """The objects that an account starts with, by type, and a function that reads a saved card by its id."""

    objects: Mapping[str, Seeded] = field(default_factory=dict)
    card: Callable[[str], Object | None] = lambda _: None


class Space:
    """All objects of one account in one mode; other accounts and the other mode cannot see them."""

    def __init__(self, account_id: str, account: AccountEntry, seeds: Seeds, *, livemode: bool) -> None:
        self.account_id = account_id
        self.account = account
        self.livemode = livemode
        self.keys = KeyStore()
        # Saved cards, by id. Only charges show them, so they have no list.
        self._cards: dict[str, Object] = {}
        # Facts about an object that are not among its fields, by its id: only `expand[]` shows them, or nothing does.
        self.hidden_facts: dict[str, Object] = {}
        # (Type, member) → function that makes the list which only `expand[]` and older API versions show.
        self.members: Mapping[tuple[str, str], Callable[[Space, Object, int], object]] = {}
        self._made = 0
        # Planned actions: the second, a number that keeps their order, the action.
        self._planned: list[tuple[int, int, Callable[[Call], None]]] = []
        self._numbers = count()
        self._seeded_card = seeds.card
        self._seeds = seeds.objects
        self._collections: dict[str, Collection] = {}
        # Child objects, by their parent's id and the path that lists them.
        self._children: dict[tuple[str, str], Collection] = {}

    def __getitem__(self, noun: str) -> Collection:
        """The objects of one type. Raises KeyError for a type the sandbox does not have."""
        known = self._collections.get(noun)
        if known is None:
            if noun not in _NOUNS:
                raise KeyError(noun)
            tie = (lambda count: count ^ _EVENT_SHUFFLE) if noun == "event" else int
            known = self._collections[noun] = Collection(self._seeds.get(noun), tie)
        return known

    def children(self, parent_id: str, path: str) -> Collection:
        """The child objects of one parent that `path` lists; an empty collection at first."""
        return self._children.setdefault((parent_id, path), Collection())

    def parent_of(self, child_id: str, paths: Container[str]) -> str | None:
        """The id of the parent whose list at one of these paths has this child object; None if none has it."""
        lists = self._children.items()
        return next((id_ for (id_, path), each in lists if path in paths and each.place(child_id) is not None), None)

    def every_body(self, noun: str) -> Iterator[bytes]:
        """All objects of one type, child objects included. Raises KeyError for a type the sandbox does not have."""
        yield from self[noun].every_body()
        paths = {spec.path for spec in CHILD_LISTS if noun in spec.nouns}
        for (_, path), children in self._children.items():
            if path in paths:
                yield from (body for body in children.every_body() if decode(body)["object"] == noun)

    def new_id(self, noun: str) -> str:
        """The next id of this account, with Stripe's prefix for `noun`."""
        self._made += 1
        return make_id(noun, self.account_id, self.livemode, self._made)

    def new_id_like(self, example: str) -> str:
        """The next id of this account, with the prefix of an example."""
        self._made += 1
        return id_like(example, self.account_id, self.livemode, self._made)

    def save_card(self, card: Object) -> None:
        """Add a saved card, or replace the one with its id."""
        self._cards[str(card["id"])] = card

    def card(self, card_id: str) -> Object | None:
        """The saved card with this id, None if there is none."""
        return self._cards.get(card_id) or self._seeded_card(card_id)

    def find(self, noun: str, object_id: str) -> Object | None:
        """The object with this id, a deleted one too; None if there is none."""
        body = self[noun].body(object_id)
        return None if body is None else decode(body)

    def find_among(self, nouns: Sequence[str], object_id: str) -> Object | None:
        """The object with this id that has one of these types, child objects and cards included; None if none has."""
        collections = [self[noun] for noun in nouns if noun in _NOUNS]
        paths = {spec.path for spec in CHILD_LISTS if not set(nouns).isdisjoint(spec.nouns)}
        collections += [children for (_, path), children in self._children.items() if path in paths]
        body = next((found for each in collections if (found := each.body(object_id)) is not None), None)
        if body is None:
            return self.card(object_id) if "card" in nouns else None
        return decode(body)

    def lists(self, now: int) -> Lists:
        """The lists inside objects at second `now`, for `shown_in`."""

        def read(shown: Object, name: str) -> object:
            make = self.members.get((str(shown["object"]), name))
            return make(self, shown, now) if make else None

        return read

    def plan(self, at: int, run: Callable[[Call], None]) -> None:
        """Run an action at second `at` of the sandbox's clock, without a request."""
        heappush(self._planned, (at, next(self._numbers), run))

    def catch_up(self, now: int) -> None:
        """Run the actions planned for `now` or earlier, each at its own second."""
        while self._planned and self._planned[0][0] <= now:
            at, _, run = heappop(self._planned)
            run(Call(space=self, now=at, params={}, request_id=None))


@dataclass(slots=True, kw_only=True)
class Call:
    """One request being executed: its parameters, and the methods that change objects and emit events."""

    space: Space
    now: int
    params: Object
    path_ids: tuple[str, ...] = ()
    # None: a planned action, not a request.
    request_id: str | None
    idempotency_key: str | None = None
    # The API version of the request.
    version: str = API_VERSION
    # Lists show the objects that this call creates from this second on.
    visible_at: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    def new(self, noun: str, **values: object) -> Object:
        """A new object with all fields, its id, `created` and `livemode`; not stored yet."""
        made = fresh(noun)
        made.update({"id": self.space.new_id(noun), "created": self.now} | values)
        if "livemode" in made:
            made["livemode"] = self.space.livemode
        return made

    def find(self, noun: str, object_id: str, *, param: str | None = None, in_path: str | None = None) -> Object:
        """The object with this id. Raises Refusal if there is none: 400 if parameter `param` named it, else 404.

        `in_path`: the name of the path's parameter where it is not that of the type.
        """
        found = self.space.find(noun, object_id)
        if found is None:
            raise refuse(
                "resource_missing",
                status=400 if param else 404,
                param=param or in_path or _IN_PATH.get(noun, "id"),
                noun=noun,
                id=object_id,
                hint="",
            )
        return found

    def add(self, made: Object, *events: str) -> Object:
        """Store a new object and emit `events`."""
        self.space[str(made["object"])].insert(made, visible_at=self.visible_at)
        return self.emit(made, *events)

    def change(self, changed: Object, *events: str) -> Object:
        """Store an object's new state and emit `events`; does neither if nothing changed."""
        collection = self.space[str(changed["object"])]
        before = decode(collection.body(str(changed["id"])) or b"{}")
        if before == changed:
            return changed
        collection.replace(changed)
        return self.emit(changed, *events, previous=_previous(before, changed))

    def remove(self, target: Object, *events: str) -> Object:
        """Delete an object and emit `events`; returns the form with `deleted: true` that reads now give."""
        remains = {"id": target["id"], "object": target["object"], "deleted": True}
        self.space[str(target["object"])].remove(str(target["id"]), remains)
        self.emit(target, *events)
        return remains

    def emit(self, subject: Object, *events: str, previous: Object | None = None) -> Object:
        """Create one event of each type about `subject`; `*.updated` events carry `previous`. Returns `subject`."""
        for event in events:
            self.new_event(subject, event, previous)
        return subject

    def new_event(self, subject: Object, event: str, previous: Object | None = None) -> Object:
        """One event of this type about `subject`; see `emit`."""
        version = self.space.account.api_version
        content: Object = {"object": shown_in(version, subject, self.space.lists(self.now))}
        if previous and event.endswith(".updated"):
            content["previous_attributes"] = previous
        made = self.new("event", type=event, data=content, api_version=version)
        made["request"] = {"id": self.request_id, "idempotency_key": self.idempotency_key}
        self.space["event"].insert(made, visible_at=self.visible_at)
        return made


def _previous(before: Object, after: Object) -> Object:
    """The old values of all members that changed; None for a member that was absent."""
    return {name: before.get(name) for name in {**before, **after} if before.get(name) != after.get(name)}
