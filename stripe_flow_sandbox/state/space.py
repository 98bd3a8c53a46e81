"""One account in one mode: its objects, its keys of idempotency, and how a request changes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from stripe_flow_sandbox.answers.codec import Object, decode
from stripe_flow_sandbox.answers.errors import refuse
from stripe_flow_sandbox.answers.ids import id_like, make_id
from stripe_flow_sandbox.answers.versions import shown_in
from stripe_flow_sandbox.parameters.shapes import API_VERSION, fresh
from stripe_flow_sandbox.state.child_lists import CHILD_LISTS
from stripe_flow_sandbox.state.collection import Collection, Seeded
from stripe_flow_sandbox.state.idempotency import KeyStore
from stripe_flow_sandbox.state.keys_file import AccountEntry
from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS

# https://docs.stripe.com/api/events: no order inside one second. Flipping bits of the running number shuffles
# neighbours, and flipping them again finds the number back.
_EVENT_SHUFFLE = 0b1011_0101


# How the part of a path that names one of these is called, where it is not `id`.
_IN_PATH = {"payment_intent": "intent", "price": "price"}

_NOUNS = (
    "charge",
    "customer",
    "payment_intent",
    "payment_method",
    "price",
    "product",
    "refund",
    *(shelf.noun for shelf in READ_ONLY_LISTS),
    *(noun for parts in CHILD_LISTS for noun in parts.nouns),
)


@dataclass(frozen=True, slots=True)
class Seeds:
    """What an account starts with: objects by type, and the saved cards of its customers."""

    objects: Mapping[str, Seeded] = field(default_factory=dict)
    card: Callable[[str], Object | None] = lambda _: None


class Space:
    """What one account sees in one mode; nothing of it is visible in another."""

    def __init__(self, account_id: str, account: AccountEntry, seeds: Seeds, *, livemode: bool) -> None:
        self.account_id = account_id
        self.account = account
        self.livemode = livemode
        self.keys = KeyStore()
        # Saved cards, by id: they are shown inside charges only, so they need no list.
        self._cards: dict[str, Object] = {}
        # What an object has beside its fields, by its id: what only `expand[]` shows, or what nothing shows.
        self.beside: dict[str, Object] = {}
        self._made = 0
        # What will happen by itself: its second, a number that keeps the order, what it is.
        self._planned: list[tuple[int, int, Callable[[Call], None]]] = []
        self._numbers = count()
        self._seeded_card = seeds.card
        self._collections = {noun: Collection(seeds.objects.get(noun)) for noun in _NOUNS}
        # What belongs to an object, by its id and the path that lists it.
        self._parts: dict[tuple[str, str], Collection] = {}
        self._collections["event"] = Collection(seeds.objects.get("event"), tie=lambda count: count ^ _EVENT_SHUFFLE)

    def __getitem__(self, noun: str) -> Collection:
        """The objects of one type. Raises KeyError for a type the sandbox does not have."""
        return self._collections[noun]

    def parts(self, owner_id: str, path: str) -> Collection:
        """What belongs to an object and is listed at this path."""
        return self._parts.setdefault((owner_id, path), Collection())

    def every_body(self, noun: str) -> Iterator[bytes]:
        """All objects of one type, parts too. Raises KeyError."""
        yield from self[noun].every_body()
        kind = b'"object":"%s"' % noun.encode()
        for parts in self._parts.values():
            yield from (body for body in parts.every_body() if kind in body)

    def new_id(self, noun: str) -> str:
        self._made += 1
        return make_id(noun, self.account_id, self.livemode, self._made)

    def new_id_like(self, example: str) -> str:
        self._made += 1
        return id_like(example, self.account_id, self.livemode, self._made)

    def save_card(self, card: Object) -> None:
        self._cards[str(card["id"])] = card

    def card(self, card_id: str) -> Object | None:
        return self._cards.get(card_id) or self._seeded_card(card_id)

    def find(self, noun: str, object_id: str) -> Object | None:
        body = self[noun].body(object_id)
        return None if body is None else decode(body)

    def plan(self, at: int, run: Callable[[Call], None]) -> None:
        """Let this happen at second `at`, without a request."""
        heappush(self._planned, (at, next(self._numbers), run))

    def catch_up(self, now: int) -> None:
        """Let happen what was planned until now, each at its own second."""
        while self._planned and self._planned[0][0] <= now:
            at, _, run = heappop(self._planned)
            run(Call(space=self, now=at, params={}, request_id=None))


@dataclass(slots=True, kw_only=True)
class Call:
    """One request being executed: what it asks for, and the only way to change objects."""

    space: Space
    now: int
    params: Object
    path_ids: tuple[str, ...] = ()
    # None: nobody asked, it was planned.
    request_id: str | None
    idempotency_key: str | None = None
    # The API version that was asked for.
    version: str = API_VERSION
    # Lists show what this call makes from this second on.
    visible_at: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    def new(self, noun: str, **values: object) -> Object:
        """A full new object with its id, second and mode; not kept yet."""
        made = fresh(noun)
        made.update({"id": self.space.new_id(noun), "created": self.now} | values)
        if "livemode" in made:
            made["livemode"] = self.space.livemode
        return made

    def find(self, noun: str, object_id: str, *, param: str | None = None) -> Object:
        """The object with this id. Raises Refusal: 404, or 400 if a parameter named it."""
        found = self.space.find(noun, object_id)
        if found is None:
            raise refuse(
                "resource_missing",
                status=400 if param else 404,
                param=param or _IN_PATH.get(noun, "id"),
                noun=noun,
                id=object_id,
                hint="",
            )
        return found

    def add(self, made: Object, *events: str) -> Object:
        """Keep a new object and tell of it."""
        self.space[str(made["object"])].insert(made, visible_at=self.visible_at)
        return self.tell(made, *events)

    def change(self, changed: Object, *events: str) -> Object:
        """Keep an object's new state and tell of it, unless it is the old one."""
        collection = self.space[str(changed["object"])]
        before = decode(collection.body(str(changed["id"])) or b"{}")
        if before == changed:
            return changed
        collection.replace(changed)
        return self.tell(changed, *events, previous=_previous(before, changed))

    def remove(self, gone: Object, *events: str) -> Object:
        """Take an object away; what is left of it can still be asked for."""
        remains = {"id": gone["id"], "object": gone["object"], "deleted": True}
        self.space[str(gone["object"])].remove(str(gone["id"]), remains)
        self.tell(gone, *events)
        return remains

    def tell(self, told: Object, *events: str, previous: Object | None = None) -> Object:
        """Let events say it of the object."""
        for event in events:
            content: Object = {"object": shown_in(self.space.account.api_version, told)}
            if previous and event.endswith(".updated"):
                content["previous_attributes"] = previous
            made = self.new("event", type=event, data=content, api_version=self.space.account.api_version)
            made["request"] = {"id": self.request_id, "idempotency_key": self.idempotency_key}
            self.space["event"].insert(made, visible_at=self.visible_at)
        return told


def _previous(before: Object, after: Object) -> Object:
    return {name: value for name, value in before.items() if after.get(name) != value}
