"""Builds the request of an attempt: resolves references, translates for the endpoint, adds the marker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stripe_flow.api import forms
from stripe_flow.api.card_numbers import holds_card_number
from stripe_flow.api.client import Client
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.actions.payment_intents import SOURCE_TYPE
from target_stripe_flow.actions.policies import Policies
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import joined
from target_stripe_flow.execution.default_payment_method import DefaultPaymentMethods
from target_stripe_flow.execution.job import Job, Parameters
from target_stripe_flow.execution.lookups import NotThere, read_object
from target_stripe_flow.execution.marker import marked
from target_stripe_flow.execution.references import References
from target_stripe_flow.results.outcome import Rejected


class RequestBuilder:
    """Builds requests to create or update an object. Safe to share between threads."""

    def __init__(self, client: Client, references: References, policies: Policies) -> None:
        self._client, self._references, self._policies = client, references, policies
        self._payment_methods = DefaultPaymentMethods(client)

    def creation(self, job: Job, latest: Attempt | None) -> Attempt:
        """The next attempt to create the object, with its request. Raises Rejected, Missing, AccountTrouble."""
        endpoint, attempt = self._policies.endpoints[job.spec.name], job.attempt(latest)
        parameters = job.checker.creatable(job.parameters) | self._resolved(job) | self._own_id(job)
        parameters["metadata"] = self._metadata(job, attempt)
        translated = endpoint.translate(self._with_payment_method(parameters, endpoint))
        return self._with_request(attempt, endpoint.path, translated)

    def update(self, job: Job, made: Attempt, last: Attempt | None) -> Attempt:
        """The next update of the object that `made` created, with its request. Raises Rejected."""
        attempt = job.update(made, last)
        emptied = job.unset.get("metadata", {})
        if emptied == "":  # key by key, as the marker has to stay
            emptied = dict.fromkeys(self._read_metadata(job.spec.path, str(attempt.stripe_id)), "")
        # Our own metadata last: a null in the record must not remove the marker.
        metadata = emptied | self._metadata(job, attempt)
        parameters = merged(job.checker.updatable(job.parameters), job.unset) | {"metadata": metadata}
        return self._with_request(attempt, str(attempt.path), parameters)

    def _read_metadata(self, list_path: str, stripe_id: str) -> Mapping[str, object]:
        """The metadata of an object. Raises Rejected if Stripe does not show the object."""
        try:
            found = read_object(self._client, list_path, stripe_id, "metadata").get("metadata")
        except NotThere:
            reason = "nothing is updated, as the object was deleted in Stripe, or this API key cannot read it"
            raise Rejected(reason, "metadata") from None
        return found if isinstance(found, dict) else {}

    def forget(self, stripe_id: str | None) -> None:
        """The object with this id was found, created or changed: what was read of it before may be wrong."""
        self._payment_methods.forget(stripe_id)

    def _resolved(self, job: Job) -> Parameters:
        return {
            name: self._references.resolve(
                self._client, job.identity.scope, action, job.parameters[name], name, has_waited=job.has_waited
            )
            for name, action in job.spec.references.items()
            if name in job.parameters
        }

    def _own_id(self, job: Job) -> Parameters:
        name, own = self._policies.id_parameter(job.spec), joined(job.identity.source_key)
        if name is None:
            return {}
        if holds_card_number(own):
            raise Rejected("the key looks like a card number, so it is no id: turn off product_id_from_key", name)
        if not job.spec.may_have_id(own):
            raise Rejected("cannot be the id of an object: change the key, or turn off product_id_from_key", name)
        return {name: own}

    def _metadata(self, job: Job, attempt: Attempt) -> dict[str, str]:
        is_clear = self._policies.shows_key and not any(map(holds_card_number, job.identity.source_key))
        return marked(job.parameters.get("metadata", {}), attempt, is_clear=is_clear)

    def _with_payment_method(self, parameters: Parameters, endpoint: Endpoint) -> Parameters:
        """A charge uses the customer's default payment method by itself; a PaymentIntent must name it."""
        if not endpoint.makes_intent:
            return parameters
        methods, source = self._payment_methods, parameters.get("source")
        method = methods.default_of(parameters["customer"]) if source is None else methods.resolve(source)
        return parameters | {"source": method.source, SOURCE_TYPE: method.kind}

    def _with_request(self, attempt: Attempt, path: str, parameters: Parameters) -> Attempt:
        connection = self._client.connection
        return replace(
            attempt,
            path=path,
            body=forms.encode(parameters).encode(),
            api_version=connection.api_version,
            stripe_account=connection.account,
            # From identity, attempt and revision, never from the parameters.
            idempotency_key=f"stripe-flow:{attempt.marker}",
        )


def merged(parameters: Parameters, more: Parameters) -> Parameters:
    """The parameters of both, at any depth."""
    inner = {
        name: merged(parameters[name], value)
        for name, value in more.items()
        if isinstance(value, dict) and isinstance(parameters.get(name), dict)
    }
    return parameters | more | inner
