"""What the schemas of the target's actions have beyond Stripe's description: our own rules, and why.

Data only. A path names a parameter: `shipping.address.line1`; `[]` is an entry of a list, `{}` a value of an object
with free keys, and the empty path is the whole record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]  # Any: JSON schema

# Kinds of differences.
ADDED = "a record has it, Stripe does not"
LEFT_OUT = "Stripe takes it, a record does not"
NO_UPDATE = "Stripe can update it, the action does not"
EMPTIES = "null empties it, Stripe's description does not say so"
LENGTH = "another length"
REQUIRED = "a record needs it, Stripe's description does not"
ALWAYS_REQUIRED = "a record needs it, an update at Stripe does not"
VALUES = "not every value of the type"
TOGETHER = "rules for several parameters"

_MADE_ONCE = "an object of this action is made once and never changed"
_MOVES_BY_ITSELF = "Stripe changes it by itself, so that an update would undo what happened since"
_LINE1 = "without it Stripe keeps an address that no parcel reaches"
_EMPTIED = "the API takes an empty text; if Stripe refuses it, the record is rejected"
_CURRENCY_CODE = "a code of three letters, in words in the description"
_NOT_EMPTY = "an empty text is refused as missing"
_IN_GUIDES = "in Stripe's guides"

# Every difference between a schema and Stripe's description: (action, path, kind) → reason. Besides, an object or a
# list is emptied by null alone, as an empty text in its place is a mistake in most records; and metadata keeps a key
# for us. The lengths inside a customer's address and shipping are of 2022; those of a charge's are newer and the same.
DIFFERENCES: Mapping[tuple[str, str, str], str] = {
    ("customers", "stripe_id", ADDED): "the record names an existing customer",
    ("customers", "balance", NO_UPDATE): _MOVES_BY_ITSELF,
    ("customers", "next_invoice_sequence", NO_UPDATE): _MOVES_BY_ITSELF,
    ("customers", "source", NO_UPDATE): "a token is used once, and a new source can start the payment of an invoice",
    ("customers", "description", EMPTIES): _EMPTIED,
    ("customers", "email", EMPTIES): _EMPTIED,
    ("customers", "name", EMPTIES): _EMPTIED,
    ("customers", "phone", EMPTIES): _EMPTIED,
    ("customers", "preferred_locales[]", LENGTH): "only a description of 2022 names one, so none is checked",
    ("customers", "shipping.address.line1", REQUIRED): _LINE1,
    ("customers", "shipping.address.line1", VALUES): _NOT_EMPTY,
    ("customers", "shipping.name", VALUES): _NOT_EMPTY,
    ("customers", "invoice_prefix", VALUES): "upper-case letters or digits, in words in the description",
    ("customers", "source", VALUES): "no card number",
    ("products", "id", LEFT_OUT): "a record's id is only ever its source key; product_id_from_key sends the key",
    ("products", "name", ALWAYS_REQUIRED): "it may turn out that the record has to be created",
    ("products", "name", VALUES): _NOT_EMPTY,
    ("products", "default_price_data.currency", VALUES): _CURRENCY_CODE,
    ("products", "default_price_data.currency_options", VALUES): _CURRENCY_CODE,
    ("prices", "", NO_UPDATE): _MADE_ONCE,
    ("prices", "", TOGETHER): "product or product_data, in Stripe's guides",
    ("prices", "currency", LENGTH): _CURRENCY_CODE,
    ("prices", "currency", VALUES): _CURRENCY_CODE,
    ("prices", "currency_options", VALUES): _CURRENCY_CODE,
    ("prices", "product", VALUES): _NOT_EMPTY,
    ("prices", "product_data.name", VALUES): _NOT_EMPTY,
    ("prices", "unit_amount", VALUES): "not negative, in words in the description",
    ("charges", "", NO_UPDATE): _MADE_ONCE,
    ("charges", "", TOGETHER): "source or customer; the digits of an amount in its currency, in Stripe's guides",
    ("charges", "amount", REQUIRED): _IN_GUIDES,
    ("charges", "amount", VALUES): "positive, in words in the description",
    ("charges", "currency", REQUIRED): _IN_GUIDES,
    ("charges", "currency", LENGTH): _CURRENCY_CODE,
    ("charges", "currency", VALUES): _CURRENCY_CODE,
    ("charges", "customer", VALUES): _NOT_EMPTY,
    ("charges", "shipping.address.line1", REQUIRED): _LINE1,
    ("charges", "shipping.address.line1", VALUES): _NOT_EMPTY,
    ("charges", "shipping.name", VALUES): _NOT_EMPTY,
    ("charges", "source", VALUES): "no card number",
    ("refunds", "", NO_UPDATE): _MADE_ONCE,
    ("refunds", "", TOGETHER): "charge, payment_intent or origin, in Stripe's guides",
    ("refunds", "amount", VALUES): "positive, and no more than a charge can have",
    ("refunds", "charge", VALUES): _NOT_EMPTY,
    ("refunds", "currency", LENGTH): _CURRENCY_CODE,
    ("refunds", "currency", VALUES): _CURRENCY_CODE,
    ("refunds", "customer", VALUES): _NOT_EMPTY,
    ("refunds", "payment_intent", VALUES): _NOT_EMPTY,
}

# https://docs.stripe.com/api/metadata
METADATA: Schema = {
    "type": "object",
    "maxProperties": 49,
    "propertyNames": {"minLength": 1, "maxLength": 40, "pattern": r"^[^\[\]]*$"},
    "additionalProperties": {"type": "string", "maxLength": 500},
}
DECIMAL: Schema = {
    "pattern": r"^[0-9]+(\.[0-9]{1,12})?(?!\n)$",
    "x-reasons": {"*": "must be a number as text, with at most 12 decimal places"},
}

_CURRENCY: Schema = {
    "pattern": "^[a-z]{3}$",
    "x-reasons": {"*": "currency is a three-letter ISO code"},
    "maxLength": 3,
    "x-lower": True,
}
# In lower or upper case, as it is sent: a record in the journal has it as it came.
_ANY_CURRENCY: Schema = {"pattern": r"^[A-Za-z]{3}(?!\n)$", "x-reasons": {"*": "a currency is a three-letter ISO code"}}
_BY_CURRENCY: Schema = {"propertyNames": _ANY_CURRENCY}
_SHIPPING_REASON = (
    "shipping needs name and address.line1 if any shipping field is set; this rule is stripe-flow's, not Stripe's"
)
_SHIPPING: Mapping[str, Schema] = {
    "shipping": {"x-reasons": {"required": _SHIPPING_REASON}},
    "shipping.name": {"minLength": 1, "x-reasons": {"minLength": _SHIPPING_REASON}},
    "shipping.address": {"x-reasons": {"required": _SHIPPING_REASON}},
    "shipping.address.line1": {"minLength": 1, "x-reasons": {"minLength": _SHIPPING_REASON}},
}
_OF_ACCOUNT: Schema = {"x-of-account": True}
_NO_CARD: Schema = {
    "not": {"pattern": r"^[\W_]*\d([\W_]*\d){11,}[\W_]*$"},
    "x-reasons": {
        "*": "takes the id of a token (tok_…) or a saved source, made with Stripe's own client libraries, and no number"
    },
}
_UP_TO: Schema = {"pattern": r"^inf(?!\n)$", "x-reasons": {"*": "up_to must be a whole number or inf"}}


def _multiple(currencies: list[str], step: int, reason: str) -> Schema:
    rule = {"amount": {"multipleOf": step, "x-reasons": {"*": reason}}}
    return {"if": _in_currency(currencies), "then": {"properties": rule}}


def _in_currency(currencies: list[str]) -> Schema:
    return {"properties": {"currency": {"enum": currencies}}, "required": ["currency"]}


_IDR = {"properties": {"amount": {"maximum": 999_999_999_999}}}
_OTHERS = {
    "properties": {
        "amount": {"maximum": 99_999_999, "x-reasons": {"*": "amount takes at most 8 digits (12 for IDR)"}},
    }
}

# Action → path → keywords that are added to those of Stripe's description, or replace them.
RULES: Mapping[str, Mapping[str, Schema]] = {
    "customers": {
        "": {"title": "A customer to create, or to find by stripe_id"},
        "invoice_prefix": {
            "pattern": r"^[A-Z0-9]{1,12}(?!\n)$",
            "x-reasons": {"*": "invoice_prefix takes 1 to 12 upper-case letters or digits"},
        },
        "invoice_settings.default_payment_method": _OF_ACCOUNT,
        "invoice_settings.rendering_options.template": _OF_ACCOUNT,
        **_SHIPPING,
        "source": _NO_CARD,
        "stripe_id": {
            "type": "string",
            "pattern": r"^cus_[A-Za-z0-9_]+(?!\n)$",
            "description": "Find customer: nothing is created",
            "x-reasons": {"*": "stripe_id must be the id of a customer, cus_…"},
            "x-create-only": True,
        },
    },
    "products": {
        "": {"title": "A product to create"},
        "default_price_data.currency": _ANY_CURRENCY,
        "default_price_data.currency_options": _BY_CURRENCY,
        "default_price_data.currency_options{}.tiers[].up_to": _UP_TO,
        "name": {"minLength": 1},
    },
    "prices": {
        "": {
            "title": "A price to create",
            "anyOf": [{"required": ["product"]}, {"required": ["product_data"]}],
            "x-reasons": {
                "anyOf": "a price needs a product (the key of a products record or a Stripe id) or product_data"
            },
        },
        "currency": _CURRENCY,
        "currency_options": _BY_CURRENCY,
        "currency_options{}.tiers[].up_to": _UP_TO,
        "product": {"minLength": 1},
        "product_data.name": {"minLength": 1},
        "tiers[].up_to": _UP_TO,
        "unit_amount": {
            "minimum": 0,
            "x-reasons": {
                "type": "unit_amount must be a JSON integer in minor units (1.00 is 100)",
                "minimum": "unit_amount must be at least 0, for a free price",
            },
        },
    },
    "charges": {
        "": {
            "title": "A charge to create",
            "anyOf": [{"required": ["source"]}, {"required": ["customer"]}],
            "allOf": [
                {"if": _in_currency(["idr"]), "then": _IDR, "else": _OTHERS},
                _multiple(
                    ["bhd", "jod", "kwd", "omr", "tnd"],
                    10,
                    "in a three-decimal currency the last digit of amount must be 0",
                ),
                _multiple(["isk", "ugx"], 100, "in isk and ugx amount must be a multiple of 100"),
            ],
            "x-reasons": {"anyOf": "a charge needs a source or a customer"},
        },
        "amount": {
            "minimum": 1,
            "x-reasons": {
                "type": "amount must be a JSON integer in minor units (1.00 is 100)",
                "minimum": "amount must be positive",
            },
        },
        "currency": _CURRENCY,
        "customer": {"minLength": 1},
        **_SHIPPING,
        "source": {"minLength": 1, **_NO_CARD},
    },
    "refunds": {
        "": {
            "title": "A refund to create",
            "anyOf": [{"required": ["charge"]}, {"required": ["payment_intent"]}, {"required": ["origin"]}],
            "x-reasons": {
                "anyOf": "a refund needs a charge (the key of a charges record or a Stripe id) or a payment_intent"
            },
        },
        "amount": {
            "minimum": 1,
            "maximum": 999_999_999_999,
            "x-reasons": {
                "type": "amount must be a JSON integer in minor units (1.00 is 100)",
                "minimum": "amount must be positive",
                "maximum": "amount takes at most 12 digits",
            },
        },
        "charge": {"minLength": 1},
        "currency": _CURRENCY,
        "customer": {"minLength": 1},
        "payment_intent": {"minLength": 1},
    },
}
