"""Generated worlds for a dry run and a run: settings, what earlier runs left, and inputs that refer to each other.

None of the inputs is refused or declined by Stripe where only its answer to the write could tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]  # Any: JSON
Record = tuple[str, Json]  # the stream and the record

# The stands-in for the ids of objects that exist at Stripe before the first run.
CUSTOMER, CARDLESS = "$CUSTOMER", "$CARDLESS"
PRODUCT = "made-by-hand"
EMAILS = tuple(f"{name}@example.com" for name in "abc")
MISSING = "cus_missing"
_DECLINED = ("charges", {"id": "declined", "amount": 100, "currency": "usd", "source": "tok_chargeDeclined"})
INPUTS = 8

_keys = st.sampled_from(["1", "2", "3"])
# Records of one key are of one kind, so that most of them are the same record again.
_other_keys = st.sampled_from(["4", "5"])
_metadata = st.sampled_from([{"plan": "a"}, {"plan": "b", "n": "1"}, {"plan": None}, None])
# Changes that make most records odd: keys, names and values, of which some are refused and some are not.
_ODD: tuple[Json, ...] = (
    *({"id": key} for key in ("1 ", "\u200b2", "a,b", ".", "", None, 1.5, 3)),
    {"colour": "red"},
    {"object": "charge"},
    {"object": "customer"},
    {"deleted": True, "object": "customer"},
    {"metadata": "text"},
    {"description": ["x"]},
    {"stripe_id": ""},
)


def _record(
    stream: str,
    always: dict[str, st.SearchStrategy[Any]],
    optional: dict[str, st.SearchStrategy[Any]],
    *odd: Json,
    keys: st.SearchStrategy[str] = _keys,
) -> st.SearchStrategy[Record]:
    """A record of a few keys; one of eight has a member of `odd` or of `_ODD`."""
    plain = st.fixed_dictionaries({"id": keys, **always}, optional=optional)
    change = st.integers(0, 7).flatmap(lambda dice: st.just({}) if dice else st.sampled_from([*odd, *_ODD]))
    return st.tuples(plain, change).map(lambda parts: (stream, parts[0] | parts[1]))


def _refers(*others: object) -> st.SearchStrategy[Any]:
    """A key of another record; less often what is no key, or an id."""
    return st.one_of(*[_keys] * 6, _other_keys, st.sampled_from(["unheard-of", "1 ", "a,b", *others]))


def customers(*, with_source: bool) -> st.SearchStrategy[Record]:
    """`with_source`: each has a card, as Stripe alone knows what a charge without one meets."""
    source = {"source": st.just("tok_visa")}
    always = {"name": st.sampled_from(["A", "B"]), **(source if with_source else {})}
    optional = {"email": st.sampled_from([*EMAILS, *EMAILS, None]), "metadata": _metadata} | source
    odd = ({"stripe_id": CUSTOMER}, {"stripe_id": MISSING}, {"EMAIL": EMAILS[0]}, {"name": 17}, {"name": None})
    return _record("customers", always, {k: v for k, v in optional.items() if k not in always}, *odd)


products = _record(
    "products",
    {"name": st.sampled_from(["A", "B"])},
    {"description": st.sampled_from(["x", None]), "metadata": _metadata},
    {"name": None},
    {"Name": "C", "name": ""},
    {"name": None, "Name": "C"},
    {"id": PRODUCT},
)
_price = {"currency": st.sampled_from(["usd"] * 5 + ["EUR"]), "unit_amount": st.just(100)}
_odd_prices: tuple[Json, ...] = ({"unit_amount": "100"}, {"unit_amount": -1}, {"currency": None})
prices = st.one_of(
    _record("prices", {**_price, "product": _refers(PRODUCT, MISSING)}, {}, *_odd_prices),
    _record("prices", {**_price, "product_data": st.just({"name": "inline"})}, {}, *_odd_prices, keys=_other_keys),
)


def charges(*, by_intent: bool) -> st.SearchStrategy[Record]:
    """`by_intent`: a read tells whether a customer has a payment method; else only Stripe's answer would."""
    always = {"amount": st.sampled_from([100] * 6 + [200]), "currency": st.just("usd")}
    by_card = always | {"source": st.just("tok_visa")}
    by_customer = always | {"customer": _refers(CUSTOMER, MISSING, *([CARDLESS] if by_intent else []))}
    odd: tuple[Json, ...] = ({"amount": "100"}, {"amount": 1.5}, {"amount": None}, {"AMOUNT": 7, "amount": None})
    return st.one_of(_record("charges", by_card, {}, *odd), _record("charges", by_customer, {}, *odd, keys=_other_keys))


# Small parts: all of them together are less than the smallest charge.
refunds = _record(
    "refunds",
    {"charge": _refers("ch_missing"), "amount": st.just(1)},
    {},
    {"amount": "1"},
    {"amount": None},
    {"full": True},
    {"full": "yes"},
    {"charge": 3},
)


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """What the first run met: of its writes, every `nth` was answered with a 500, after or before it was executed.

    `was_killed`: its rows are left as a killed run leaves them. `later_s` is the time until the next run.
    """

    skip: int
    times: int
    at: str
    was_killed: bool
    later_s: int


@dataclass(frozen=True, kw_only=True)
class World:
    """`history` is sent by a first run, with `doubt`. `inputs` are then sent one after the other."""

    settings: Json
    history: Sequence[Record]
    doubt: Doubt | None
    has_stranger: bool
    inputs: Sequence[Sequence[Record]]

    @property
    def rounds(self) -> Sequence[Sequence[Record]]:
        """The inputs of each pair of runs. The first meets what the history left, the second what the first left."""
        half = len(self.inputs) // 2
        return [[record for records in part for record in records] for part in (self.inputs[:half], self.inputs[half:])]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    by_intent = draw(st.booleans())
    settings = {
        "charge_with": "payment_intents" if by_intent else "charges",
        "on_change": draw(st.sampled_from(["reject", "ignore", "update"])),
        "product_id_from_key": draw(st.booleans()),
        "concurrency": draw(st.sampled_from([1, 1, 3])),
        "metadata_source_key": draw(st.booleans()),
    }
    if draw(st.integers(0, 2)):
        settings["match_customers_by"] = "email"
        # A record that leaves an e-mail shares no lane with the next record of that e-mail.
        settings["concurrency"] = 1
    record = st.one_of(customers(with_source=not by_intent), products, prices, charges(by_intent=by_intent), refunds)
    has_doubt = draw(st.integers(0, 2)) > 0
    doubt = Doubt(
        skip=draw(st.integers(0, 2)),
        times=draw(st.integers(1, 6)),
        at=draw(st.sampled_from(["before_execute", "after_execute"])),
        was_killed=draw(st.booleans()),
        later_s=draw(st.sampled_from([0, 11 * 60, 25 * 3600])),
    )
    history, inputs = (
        draw(st.lists(record, min_size=4, max_size=16)),
        draw(st.lists(st.lists(record, min_size=1, max_size=8), min_size=INPUTS, max_size=INPUTS)),
    )
    if not has_doubt:  # else the next run would resend it, and only Stripe's answer tells that it is declined
        history.append(_DECLINED)
        inputs[0].append(_DECLINED)
    return World(
        settings=settings,
        history=history,
        doubt=doubt if has_doubt else None,
        has_stranger=draw(st.integers(0, 3)) == 0,
        inputs=inputs,
    )
