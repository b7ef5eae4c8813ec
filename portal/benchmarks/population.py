"""Partners, customers, people and a million relationships, with an index of paths as the services write it."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.apps import apps
from django.contrib.auth.models import Group, Permission

from portal import catalogue
from portal.benchmarks import bulk
from portal.models import (
    Membership,
    Pair,
    PairGrant,
    PartnerProfile,
    RoleAssignment,
    SecurityGroup,
    Tenant,
    TenantGrant,
    User,
)

#: Ids of groups by what they are: `everyone` of partner p is _PARTNER_GROUPS * p, its agents follow.
_PARTNER_GROUPS = 10
_CUSTOMER_GROUPS = 10_000_000
_OWN_GROUPS = 20_000_000
_TEAMS = 30_000_000
_AGENTS = ("admin_agents", "helpdesk_agents", "sales_agents")
_TEAM_COUNT = 20
_FIRST = (
    "Adatum Alpine Blue Boulder City Coho Consolidated Contoso Fabrikam Fourth Graphic Lamna Litware Lucerne Relecloud"
)
_SECOND = "Airlines Books Clinic Design Energy Foods Institute Insurance Media Mills Power Schools Studios Sports Works"
_STARTED = "timestamptz '2026-01-01' - make_interval(mins => (p * 7 + c % 100000))"


@dataclass(frozen=True)
class Size:
    """How much there is of what."""

    relationships: int
    largest_partner: int
    customers: int
    partners: int
    per_partner: int
    users: int

    @classmethod
    def of(cls, relationships: int, users: int = 1_000) -> Size:
        """A tenth belongs to one partner, the rest evenly to others; every partner works for customer 0."""
        customers = max(10, relationships // 10)
        per_partner = min(900, customers)
        partners = max(1, round((relationships - customers) / per_partner))
        return cls(customers + partners * per_partner, customers, customers, partners, per_partner, users)

    def as_data(self) -> dict[str, int]:
        """For the report."""
        return asdict(self)


def partner_id(number: int) -> UUID:
    """Key of a partner; 0 is the largest."""
    return _uuid("partner", number)


def customer_id(number: int) -> UUID:
    """Key of a customer; 0 has every partner."""
    return _uuid("customer", number)


def user_id(number: int) -> UUID:
    """Key of a user: see `_PEOPLE` for who is who."""
    return _uuid("user", number)


def pair_id(partner: int, customer: int) -> UUID:
    """Key of a pair that exists."""
    return _uuid("pair", partner, customer)


def _uuid(kind: str, *numbers: int) -> UUID:
    text = ":".join([kind, *map(str, numbers)])
    return UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


def _key(kind: str, *expressions: str) -> str:
    """The same in SQL."""
    numbers = " || ':' || ".join(expressions)
    return f"md5('{kind}:' || {numbers})::uuid"


def customers_of(partner: int, size: Size) -> range:
    """Numbers of the customers of a partner besides customer 0 (a window that wraps; see `_PAIRS`)."""
    return range(size.customers) if partner == 0 else range(size.per_partner)


def customer_of(partner: int, place: int, size: Size) -> int:
    """The customer at a place of a partner's window."""
    if partner == 0 or place == 0:
        return place
    return 1 + (partner * (size.per_partner - 1) + place) % (size.customers - 1)


def has_dap(partner: int, customer: int) -> bool:
    """Every other relationship has DAP."""
    return (partner + customer) % 2 == 0


def agent_of_sql(partner: str) -> str:
    """Number of the first agent of a partner, as SQL over the partner's number (see `_PEOPLE`)."""
    return f"(CASE WHEN {partner} = 0 THEN 0 ELSE (({partner}) - 1) / 3 * 10 + 3 + (({partner}) - 1) % 3 END)"


def organisations_and_people(owner: psycopg.Connection[Any], size: Size) -> None:
    """Everything but relationships and invitations."""
    with bulk.unindexed(owner, Tenant, Group, SecurityGroup, TenantGrant):
        _organisations(owner, size)
        _people(owner, size)
    for model in (User, Membership, RoleAssignment, PartnerProfile):
        owner.execute(f"ANALYZE {model._meta.db_table}")  # type: ignore[arg-type]


def build(owner: psycopg.Connection[Any], size: Size, *, has_history: bool = False) -> None:
    """Fill an empty, migrated database; with the periods of all of it where `has_history`."""
    invitation, relationship = (apps.get_model("relationships", name) for name in ("Invitation", "Relationship"))
    dap_grant = apps.get_model("delegation", "DapGrant")
    large = (Tenant, Group, SecurityGroup, Pair, PairGrant, TenantGrant, relationship, dap_grant, invitation)
    kept = contextlib.nullcontext() if has_history else bulk.without_history(owner, *large)
    with kept, bulk.unindexed(owner, *large):
        _organisations(owner, size)
        _people(owner, size)
        _pairs(owner, size, relationship, dap_grant)
        _invitations(owner, size, invitation)
    for model in (User, Membership, RoleAssignment, PartnerProfile):
        owner.execute(f"ANALYZE {model._meta.db_table}")  # type: ignore[arg-type]


def _organisations(owner: psycopg.Connection[Any], size: Size) -> None:
    for kind, count, name in (
        ("partner", size.partners + 1, "'Partner ' || i"),
        ("customer", size.customers, _name("i")),
    ):
        values = {
            "id": _key(kind, "i"),
            "slug": f"'{kind}' || i",
            "display_name": name,
            "default_domain": f"'{kind}' || i || '.cloud.example'",
            "country": "'DE'",
            "is_demo": "true",
            "created_at": "timestamptz '2025-01-01'",
        }
        bulk.insert(owner, Tenant, values, f"generate_series(0, {count - 1}) i")
    profile = {
        "tenant_id": _key("partner", "i"),
        "partner_number": "(1000000 + i)::text",
        "channel_role": "'direct_bill'",
        "created_at": "timestamptz '2025-01-01'",
        "approved_at": "timestamptz '2025-01-01'",
    }
    bulk.insert(owner, PartnerProfile, profile, f"generate_series(0, {size.partners}) i")
    kinds = ["everyone", *_AGENTS]
    for place, kind in enumerate(kinds):
        _groups(owner, f"{_PARTNER_GROUPS} * i + {place}", kind, "partner", f"generate_series(0, {size.partners}) i")
        if place:
            _agent_kind(owner, kind, place, size)
    _groups(owner, f"{_CUSTOMER_GROUPS} + i", "everyone", "customer", f"generate_series(0, {size.customers - 1}) i")
    _groups(owner, f"{_TEAMS} + i", "custom", "partner", f"generate_series(0, {_TEAM_COUNT - 1}) i", tenant="0")


def _name(number: str) -> str:
    first, second = (f"(string_to_array('{words}', ' '))" for words in (_FIRST, _SECOND))
    return f"{first}[1 + {number} % 15] || ' ' || {second}[1 + ({number} / 15) % 15] || ' ' || {number}"


def _groups(
    owner: psycopg.Connection[Any],
    group: str,
    kind: str,
    side: str,
    source: str,
    *,
    tenant: str = "i",
    person: str = "",
) -> None:
    bulk.insert(owner, Group, {"id": group, "name": f"'{side}:{kind}:' || i"}, source)
    values = {
        "group_id": group,
        "tenant_id": _key(side, tenant),
        "kind": f"'{kind}'",
        "name": f"'{kind} ' || i",
        "created_at": "timestamptz '2025-01-01'",
        "uid": "gen_random_uuid()",
    }
    bulk.insert(owner, SecurityGroup, values | ({"person_id": person} if person else {}), source)


def _agent_kind(owner: psycopg.Connection[Any], kind: str, place: int, size: Size) -> None:
    values = {
        "content_object_id": _key("partner", "i"),
        "group_id": f"{_PARTNER_GROUPS} * i + {place}",
        "permission_id": str(_permission(catalogue.AGENT_CODENAMES[kind])),
        "kind": "'agents'",
        "source": "'builtin'",
    }
    bulk.insert(owner, TenantGrant, values, f"generate_series(0, {size.partners}) i")


def _permission(codename: str) -> int:
    return Permission.objects.get(codename=codename, content_type__app_label="portal").pk


# Three in ten are agents of partner 0, in thirds and in three of its teams; three in ten Admin agents of other
# partners; the rest Global Administrators of customers.
_PEOPLE = """
(SELECT i, CASE WHEN i % 10 < 3 THEN 'agent' WHEN i % 10 < 6 THEN 'partner' ELSE 'customer' END AS job,
        CASE WHEN i % 10 < 3 THEN 0 WHEN i % 10 < 6 THEN 1 + (i / 10 * 3 + i % 10 - 3) % {partners}
             ELSE (i / 10 * 4 + i % 10 - 6) % {customers} END AS home,
        CASE WHEN i % 10 < 3 THEN 1 + i % 10 ELSE 1 END AS agents
 FROM generate_series(0, {last}) i) people
"""


def home_of(user: int, size: Size) -> tuple[str, int]:
    """A user's job (agent, partner, customer) and the number of the home tenant, as in `_PEOPLE`."""
    tens, ones = divmod(user, 10)
    if ones < 3:
        return "agent", 0
    if ones < 6:
        return "partner", 1 + (tens * 3 + ones - 3) % size.partners
    return "customer", (tens * 4 + ones - 6) % size.customers


def _people(owner: psycopg.Connection[Any], size: Size) -> None:
    people = _PEOPLE.format(partners=size.partners, customers=size.customers, last=size.users - 1)
    home = f"CASE job WHEN 'customer' THEN {_key('customer', 'home')} ELSE {_key('partner', 'home')} END"
    values = {
        "id": _key("user", "i"),
        "tenant_id": home,
        "sign_in_name": "'user' || i || '@people.example'",
        "contact_address": "'user' || i || '@people.example'",
        "contact_confirmed_at": "timestamptz '2025-01-01'",
        "display_name": "'User ' || i",
        "name_key": "'user ' || i",
        "password": "'!'",
        "created_at": "timestamptz '2025-01-01'",
        "activated_at": "timestamptz '2025-01-01'",
    }
    bulk.insert(owner, User, values, people)
    for job, side in (("agent", "partner"), ("partner", "partner"), ("customer", "customer")):
        source = f"{people} WHERE job = '{job}'"
        _groups(owner, f"{_OWN_GROUPS} + i", "person", side, source, tenant="home", person=_key("user", "i"))
    everyone = f"CASE job WHEN 'customer' THEN {_CUSTOMER_GROUPS} + home ELSE {_PARTNER_GROUPS} * home END"
    memberships = [(f"{_OWN_GROUPS} + i", "true"), (everyone, "true")]
    memberships += [(f"{_PARTNER_GROUPS} * home + agents", "job <> 'customer'")]
    memberships += [(f"{_TEAMS} + (i / 10 + {step * 7}) % {_TEAM_COUNT}", "job = 'agent'") for step in range(3)]
    for group, condition in memberships:
        row = {"group_id": group, "user_id": _key("user", "i"), "since": "timestamptz '2025-01-01'"}
        bulk.insert(owner, Membership, row, f"{people} WHERE {condition}")
    _global_administrators(owner, people)


def _global_administrators(owner: psycopg.Connection[Any], people: str) -> None:
    role = catalogue.roles()[catalogue.GLOBAL_ADMINISTRATOR]
    customers = f"{people} WHERE job = 'customer'"
    assignment = {
        "id": _key("assignment", "i"),
        "tenant_id": _key("customer", "home"),
        "user_id": _key("user", "i"),
        "role_id": f"'{role.id}'",
        "started_at": "timestamptz '2025-01-01'",
    }
    bulk.insert(owner, RoleAssignment, assignment, customers)
    grant = {
        "content_object_id": _key("customer", "home"),
        "group_id": f"{_OWN_GROUPS} + i",
        "permission_id": str(_permission(role.codename)),
        "kind": "'explicit'",
        "source": f"'role:' || {_key('assignment', 'i')}",
    }
    bulk.insert(owner, TenantGrant, grant, customers)


def _pairs(owner: psycopg.Connection[Any], size: Size, relationship: Any, dap_grant: Any) -> None:
    pairs = f"""(
        SELECT 0 AS p, c FROM generate_series(0, {size.customers - 1}) c
        UNION ALL
        SELECT p, CASE WHEN k = 0 THEN 0 ELSE 1 + (p * {size.per_partner - 1} + k) % {size.customers - 1} END
        FROM generate_series(1, {size.partners}) p, generate_series(0, {size.per_partner - 1}) k) pairs"""  # noqa: S608 - our own numbers
    partner, customer, pair = _key("partner", "p"), _key("customer", "c"), _key("pair", "p", "c")
    name = _name("c")
    ours = words(partner, f"lower({name}) || ' customer' || c || ' cloud example'")
    theirs = words(customer, "'partner ' || p")
    values = {
        "id": pair,
        "partner_id": partner,
        "customer_id": customer,
        "customer_name": name,
        "customer_key": f"lower({name})",
        "customer_domain": "'customer' || c || '.cloud.example'",
        "partner_name": "'Partner ' || p",
        "partner_key": "'partner ' || p",
        "search": f"array_to_tsvector(ARRAY({ours} UNION {theirs}))",
        "started_at": _STARTED,
    }
    bulk.insert(owner, Pair, values, pairs)
    _what_pairs_hold(owner, pairs, (partner, customer, pair), relationship, dap_grant)


def _what_pairs_hold(
    owner: psycopg.Connection[Any], pairs: str, keys: tuple[str, str, str], relationship: Any, dap_grant: Any
) -> None:
    """Relationships, DAP, and the paths that they give."""
    partner, customer, pair = keys
    works = {
        "content_object_id": pair,
        "group_id": f"{_PARTNER_GROUPS} * p",
        "permission_id": str(_permission("work_for")),
        "source": "'default'",
    }
    bulk.insert(owner, PairGrant, works, pairs)
    both = {"pair_id": pair, "partner_id": partner, "customer_id": customer, "started_at": _STARTED}
    bulk.insert(owner, relationship, both | {"partner_type": "'reseller'"}, pairs)
    with_dap = f"{pairs} WHERE (p + c) % 2 = 0"
    bulk.insert(owner, dap_grant, both | {"id": _key("dap", "p", "c"), "granted_by_id": _key("user", "'6'")}, with_dap)
    roles = ((1, catalogue.GLOBAL_ADMINISTRATOR), (2, catalogue.HELPDESK_ADMINISTRATOR))
    for place, role in roles:
        grant = {
            "content_object_id": customer,
            "group_id": f"{_PARTNER_GROUPS} * p + {place}",
            "permission_id": str(_permission(catalogue.roles()[role].codename)),
            "kind": "'dap'",
            "source": f"'dap:' || {_key('dap', 'p', 'c')}",
            "pair_id": pair,
        }
        bulk.insert(owner, TenantGrant, grant, with_dap)


def words(scope: str, text: str) -> str:
    """The lexemes of a text in one list, as `portal.search` makes them."""
    return f"SELECT {scope} || ':' || w FROM unnest(string_to_array({text}, ' ')) w"  # noqa: S608 - our own words


def _invitations(owner: psycopg.Connection[Any], size: Size, invitation: Any) -> None:
    """As many of partner 0 as it has customers: accepted ones, and open, expired and declined among them."""
    name = _name("i")
    ours = words(_key("partner", "0"), f"lower({name})")
    created = "timestamptz '2026-01-01' - make_interval(mins => i)"
    values = {
        "id": _key("invitation", "i"),
        "partner_id": _key("partner", "0"),
        "with_dap": "i % 2 = 0",
        "customer_name": name,
        "customer_address": "'global-admin@customer' || i || '.cloud.example'",
        "subject": "'A reseller relationship with Partner 0'",
        "body": "'Please accept: {{personal-link}}'",
        "state": "(ARRAY['open', 'accepted', 'accepted', 'declined', 'expired'])[1 + i % 5]",
        "uses": "CASE WHEN i % 5 IN (1, 2) THEN 1 ELSE 0 END",
        "created_at": created,
        "created_by_id": _key("user", "'0'"),
        "opened_at": created,
        "expires_at": f"{created} + CASE WHEN i % 5 = 0 THEN interval '10 years' ELSE interval '30 days' END",
        "search": f"array_to_tsvector(ARRAY({ours}))",
    }
    bulk.insert(owner, invitation, values, f"generate_series(0, {size.customers - 1}) i")
