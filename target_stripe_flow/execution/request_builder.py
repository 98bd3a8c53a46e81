"""From a record's parameters to the bytes that go out: names become ids, a way is taken, a marker is set."""

from __future__ import annotations

from dataclasses import replace

from stripe_flow.api import forms
from stripe_flow.api.client import Client
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.actions.payment_intents import SOURCE_TYPE
from target_stripe_flow.actions.policies import Policies
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import joined
from target_stripe_flow.execution.default_payment_method import DefaultPaymentMethods
from target_stripe_flow.execution.job import Job, Parameters
from target_stripe_flow.execution.marker import marked
from target_stripe_flow.execution.references import References


class RequestBuilder:
    """Safe to share between threads."""

    def __init__(self, client: Client, names: References, policies: Policies) -> None:
        self._client, self._names, self._rules = client, names, policies
        self._wallets = DefaultPaymentMethods(client)

    def creation(self, job: Job, latest: Attempt | None) -> Attempt:
        """The next attempt, with its bytes. Raises Rejected, Missing, AccountTrouble."""
        endpoint, attempt = self._rules.ways[job.spec.name], job.attempt(latest)
        parameters = job.parameters | self._named(job) | self._own_id(job)
        parameters["metadata"] = self._metadata(job, attempt)
        translated = endpoint.translate(self._paid(parameters, endpoint))
        return self._with_request(attempt, endpoint.path, translated)

    def update(self, job: Job, made: Attempt, last: Attempt | None) -> Attempt:
        """The next update of what `made` has made, with its bytes. Raises Rejected."""
        attempt = job.update(made, last)
        # Ours last: a null in a record must not take the marker away.
        metadata = job.unset.get("metadata", {}) | self._metadata(job, attempt)
        parameters = job.checker.updatable(job.parameters) | job.unset | {"metadata": metadata}
        return self._with_request(attempt, str(attempt.path), parameters)

    def _named(self, job: Job) -> Parameters:
        return {
            name: self._names.resolve(self._client, action, ACTIONS[action].path, job.parameters[name], name)
            for name, action in job.spec.references.items()
            if name in job.parameters
        }

    def _own_id(self, job: Job) -> Parameters:
        name = self._rules.key_as(job.spec)
        return {} if name is None else {name: joined(job.identity.source_key)}

    def _metadata(self, job: Job, attempt: Attempt) -> dict[str, str]:
        return marked(job.parameters.get("metadata", {}), attempt, is_clear=self._rules.is_key_clear)

    def _paid(self, parameters: Parameters, endpoint: Endpoint) -> Parameters:
        """A charge to a customer takes what is on file by itself; a PaymentIntent has to be told."""
        if not endpoint.makes_intent:
            return parameters
        is_named = "source" in parameters
        wallets = self._wallets
        payer = wallets.payer(parameters["source"]) if is_named else wallets.default_of(parameters["customer"])
        return parameters | {"source": payer.source, SOURCE_TYPE: payer.kind}

    def _with_request(self, attempt: Attempt, path: str, parameters: Parameters) -> Attempt:
        connection = self._client.connection
        return replace(
            attempt,
            path=path,
            body=forms.encode(parameters).encode(),
            api_version=connection.api_version,
            stripe_account=connection.account,
            # of identity, attempt and revision, never of what is sent
            idempotency_key=f"stripe-flow:{attempt.marker}",
        )
