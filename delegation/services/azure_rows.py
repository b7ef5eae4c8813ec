"""What every write about Azure begins and ends with: subscription and scope locked, in that order; its audit row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, models
from django.utils.translation import gettext_lazy as _

from delegation.azure_queries import place as place
from delegation.azure_queries import places as places
from delegation.models import AzureSubscription
from portal import audit
from portal.access import Decision
from portal.errors import Conflict, Refused
from portal.models import Scope, Tenant, User

Kind = Scope.Kind


def locked(scope: Scope) -> tuple[AzureSubscription, Scope]:
    """The scope's subscription and the scope as they are now, locked in this order.

    Raises Refused for a scope that was deleted, Conflict for one that somebody moves meanwhile.
    """
    found = Scope.objects.filter(pk=scope.pk).exclude(kind=Kind.ROOT).first()
    if found is None:
        raise Refused(_("Choose a subscription, or something in one."))
    subscription = lock_subscription(found)
    row = Scope.objects.select_for_update(of=("self",), no_key=True).select_related("tenant").get(pk=found.pk)
    if row.deleted_at is not None:
        raise Refused(_("This was deleted; it is not there any more."))
    if row.lineage[1] != subscription.pk:
        raise Conflict(_("Somebody moved this since you opened it. Look at it again."))
    return subscription, row


def lock_subscription(scope: Scope) -> AzureSubscription:
    """One write at a time in a subscription: limit, last Owner and duplicates are decided on what is there."""
    rows = AzureSubscription.objects.select_for_update(of=("self",), no_key=True).select_related("scope")
    return rows.get(pk=scope.lineage[1])


def require_active(subscription: AzureSubscription) -> None:
    """Raises Refused in a cancelled subscription: what is there can only be taken away."""
    if subscription.state != AzureSubscription.State.ACTIVE:
        raise Refused(_("This subscription is cancelled. Nothing can be added or changed in it."))


@contextmanager
def refusing(constraints: Mapping[str, tuple[object, str | None]]) -> Iterator[None]:
    """A refusal of the database as a sentence: by the constraint's name, the message and the field at fault."""
    try:
        yield
    except IntegrityError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        name = (diagnosis.constraint_name if diagnosis is not None else None) or ""
        if name not in constraints:
            raise
        message, field = constraints[name]
        raise Refused(message, field=field) from error


def record(
    action: str,
    *,
    actor: User | None,
    tenant: Tenant | Any,
    target: models.Model,
    decision: Decision | None = None,
    partner: Any = None,
    **data: Any,
) -> None:
    """One act, in the customer's chain and in that of a partner whose group it is about."""
    also = [partner] if partner is not None else []
    audit.record(action, actor=actor, tenant=tenant, also=also, target=target, decision=decision, **data)
