"""Notices (DOMAIN §16): who is told what, and who switched it off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from portal import catalogue, mail
from portal.models import OutboxMessage, RoleAssignment, SecurityGroup, Tenant, User

#: Kinds that everyone can switch off for themselves (`User.notices_off`); everything else is security and is not here.
SWITCHABLE = {
    "gdap_approved": _("A GDAP request was approved"),
    "gdap_counter_offered": _("A customer made a counter-offer"),
    "gdap_declined": _("A GDAP request was declined"),
    "gdap_lapsed": _("GDAP requests were not answered in time"),
    "gdap_reseller_answered": _("A reseller answered a GDAP request"),
    "invitation_accepted": _("An invitation was accepted"),
    "invitation_declined": _("An invitation was declined"),
    "invitations_expired": _("Invitations have expired"),
    "service_request_commented": _("A service request got a comment"),
}


def tell(
    kind: str,
    to: Iterable[User],
    *,
    tenant: Tenant | UUID | None,
    about: Model | None = None,
    path: str = "",
    team: bool = True,
    **context: Any,
) -> list[OutboxMessage]:
    """Queue one notice for each person who can get mail and hasn't switched it off; inside a write.

    `path` is the page that the message's button opens. With `team` the recipients' organisations get a copy at
    their team address, if they have one.
    """
    people = {person.pk: person for person in to if _gets_mail(person) and not _is_off(kind, person)}
    told = [
        mail.queue(kind, to=person, tenant=tenant, about=about, path=path, context=context)
        for person in people.values()
    ]
    known = {person.contact_address.lower() for person in people.values()}
    for home in _teams(people.values()) if team else ():
        if home.team_address.lower() not in known:
            message = mail.collect(
                kind,
                address=home.team_address,
                tenant=tenant,
                language=home.language,
                about=about,
                path=path,
                context=context,
            )
            told.append(message)
    return told


# The same people as `agents` and `global_administrators_of` find, told as `tell` does it.
_TOLD = """
WITH notes AS MATERIALIZED ({notes}),
organisations AS (SELECT DISTINCT audience, organisation_id FROM notes),
members AS (
    SELECT o.audience, o.organisation_id, m.user_id FROM organisations o
    JOIN portal_securitygroup g ON g.tenant_id = o.organisation_id AND g.kind = 'admin_agents'
    JOIN portal_membership m ON m.group_id = g.group_id
    WHERE o.audience = 'admin_agents'
    UNION
    SELECT o.audience, o.organisation_id, r.user_id FROM organisations o
    JOIN portal_roleassignment r ON r.tenant_id = o.organisation_id AND r.role_id = %(global_administrator)s
         AND r.ended_at IS NULL
    WHERE o.audience = 'global_administrators'
), people AS (
    SELECT m.audience, m.organisation_id, u.id, u.contact_address, u.language
    FROM members m JOIN portal_user u ON u.id = m.user_id AND u.tenant_id = m.organisation_id
    WHERE u.activated_at IS NOT NULL AND u.blocked_at IS NULL AND u.contact_confirmed_at IS NOT NULL
      AND (m.audience = 'admin_agents' OR u.kind = 'member')
      AND NOT (%(is_switchable)s AND u.notices_off @> to_jsonb(%(kind)s::text))
), recipients AS (
    SELECT audience, organisation_id, contact_address AS to_address, id AS to_user_id, language FROM people
    UNION ALL
    SELECT p.audience, p.organisation_id, t.team_address, NULL, t.language
    FROM people p JOIN portal_tenant t ON t.id = p.organisation_id WHERE t.team_address <> ''
    GROUP BY p.audience, p.organisation_id, t.id
    HAVING bool_and(lower(p.contact_address) <> lower(t.team_address))
)
SELECT organisation_id AS tenant_id, to_address, to_user_id, language, content, NULL::jsonb AS link, path,
    '' AS about_type, NULL::uuid AS about_id
FROM notes JOIN recipients USING (audience, organisation_id)
"""


def tell_selected(kind: str, notes: str, values: Mapping[str, Any]) -> int:
    """As `tell`, to many organisations at once by one statement; how many messages. Inside a write.

    `notes` is a SELECT of our own, which gets `values` by name. It yields audience (`admin_agents` or
    `global_administrators`), organisation_id (whose they are), content (jsonb: the message's context) and path.
    """
    known = {"global_administrator": catalogue.GLOBAL_ADMINISTRATOR, "is_switchable": kind in SWITCHABLE}
    return mail.queue_selected(kind, _TOLD.replace("{notes}", notes), {**values, **known})


def _gets_mail(person: User) -> bool:
    """Mail goes to confirmed addresses of people who may sign in (DOMAIN §1)."""
    return person.is_active and person.contact_confirmed_at is not None


def _is_off(kind: str, person: User) -> bool:
    return kind in SWITCHABLE and kind in person.notices_off


def _teams(people: Iterable[User]) -> Iterable[Tenant]:
    homes = {person.tenant_id: person.tenant for person in people if person.tenant is not None}
    return [home for _pk, home in sorted(homes.items(), key=lambda item: str(item[0])) if home.team_address]


def global_administrators(tenant_id: UUID) -> list[User]:
    """The tenant's own people who hold Global Administrator explicitly and can get mail."""
    return global_administrators_of([tenant_id]).get(tenant_id, [])


def global_administrators_of(tenant_ids: Collection[UUID]) -> dict[UUID, list[User]]:
    """The same for many tenants, in one query."""
    held = RoleAssignment.objects.filter(
        tenant_id__in=tenant_ids, role_id=catalogue.GLOBAL_ADMINISTRATOR, ended_at__isnull=True
    )
    people = _reachable().filter(pk__in=held.values("user_id"), tenant_id__in=tenant_ids, kind=User.Kind.MEMBER)
    found: dict[UUID, list[User]] = defaultdict(list)
    for person in people:
        found[person.tenant_id].append(person)
    return found


def agents(partner_id: UUID, kinds: Iterable[str] = (SecurityGroup.Kind.ADMIN_AGENTS,)) -> list[User]:
    """Members of the partner's built-in groups who can get mail, each once."""
    groups = SecurityGroup.objects.filter(tenant_id=partner_id, kind__in=list(kinds))
    return list(
        _reachable().filter(tenant_id=partner_id, memberships__group_id__in=groups.values("group_id")).distinct()
    )


def _reachable():  # type: ignore[no-untyped-def]
    return (
        User.objects.select_related("tenant")
        .filter(activated_at__isnull=False, blocked_at__isnull=True, contact_confirmed_at__isnull=False)
        .order_by("pk")
    )
