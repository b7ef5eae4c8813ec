"""Makes the demo: a plan of moments, run in their order with the clock held at each, all of it in one write."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connections

from delegation.demo.cast import OPERATOR, ORGANISATIONS, Organisation
from portal import catalogue, clock
from portal.errors import Refused
from portal.models import DeliveryEvent, OutboxMessage, SecurityGroup, Tenant, User
from portal.services import organisations, people
from portal.writes import moment, write

#: Messages older than this were sent long ago; younger ones go out and fill the demo's mailbox.
_STILL_DUE = timedelta(days=2)
#: Addresses of the demo at which nobody is.
BOUNCING = ("purchasing@coho-winery.example",)
_PROVIDER, _REPORTED_AFTER, _NO_MAILBOX = "Demo", timedelta(seconds=20), "550 5.1.1 no such mailbox"
_LOCK = 7_311_042  # any constant: two loads at once become one after the other


@dataclass(order=True)
class Event:
    """Something that happened at a moment of the past."""

    at: datetime
    order: int
    act: Callable[[], object] = field(compare=False)


@dataclass
class Demo:
    """What is there so far, and what is still to happen."""

    now: datetime
    tenants: dict[str, Tenant] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    planned: int = 0

    def plan(self, days_ago: float, act: Callable[[], object]) -> None:
        """Let something happen that many days ago."""
        self.planned += 1
        heapq.heappush(self.events, Event(self.now - timedelta(days=days_ago), self.planned, act))

    def run(self) -> None:
        """Let everything happen, the oldest first; what is planned meanwhile has its turn too."""
        while self.events:
            event = heapq.heappop(self.events)
            with clock.fixed(event.at), moment():
                event.act()

    def person(self, name: str) -> User:
        """A person of the cast by sign-in name, or by job and label as `job@label`."""
        return self.people.get(name) or self.people[f"{name}.example"]


def is_loaded() -> bool:
    """Whether the demo is there."""
    return Tenant.objects.filter(slug=ORGANISATIONS[0].label, is_demo=True).exists()


def refuse_real_organisations() -> None:
    """Raises Refused where any tenant isn't a demo one: made-up data never mixes with real data."""
    real = Tenant.objects.filter(is_demo=False).order_by("created_at").first()
    if real is not None:
        raise Refused(f"{real.slug} is not a demo organisation; the demo is for an installation of its own")


def load(plans: list[Callable[[Demo], None]]) -> bool:
    """Make the demo, all of it or nothing; False if it is there already. Raises Refused beside real data."""
    with write() as unit:
        _one_at_a_time()
        refuse_real_organisations()
        if is_loaded():
            return False
        demo = Demo(clock.now())
        for organisation in ORGANISATIONS:
            demo.plan(organisation.founded_days_ago, lambda item=organisation: found(demo, item))
        demo.plan(ORGANISATIONS[0].founded_days_ago + 1, _add_operator)
        for plan in plans:
            plan(demo)
        demo.run()
        settle(unit.messages, demo.now - _STILL_DUE)
    return True


def reset() -> None:
    """Remove every row of the demo, its audit chains too, as the owner of the database. Raises Refused as `load`."""
    refuse_real_organisations()
    tables = "portal_tenant, portal_user, auth_group, django_session, portal_mailboxmessage, portal_ratecounter"
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables}, portal_ratecounter CASCADE")


def _one_at_a_time() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _add_operator() -> None:
    operator = User(
        sign_in_name=OPERATOR,
        display_name="Operator",
        contact_address=OPERATOR,
        contact_confirmed_at=clock.now(),
        created_at=clock.now(),
        activated_at=clock.now(),
    )
    operator.set_unusable_password()
    operator.save(force_insert=True)


def found(demo: Demo, item: Organisation) -> None:
    """An organisation of the cast with its domain, people, roles and partner profile.

    Nobody has a password: the persona picker signs in without one, and a reset link sets one.
    """
    suffix = settings.MANDATE_PLATFORM_SUFFIX
    first, *others = item.people
    tenant, founder = organisations.create_organisation(
        display_name=item.name,
        label=item.label,
        country=item.country,
        language=item.language,
        administrator={
            "sign_in_name": item.sign_in_name(first, suffix),
            "display_name": first.name,
            "contact_address": f"{first.job}@{item.domain}",
        },
        is_demo=True,
    )
    organisations.add_verified_domain(tenant=tenant, name=item.domain)
    demo.tenants[item.label] = tenant
    demo.people[founder.sign_in_name] = founder
    if item.channel_role:
        organisations.become_partner(tenant=tenant, actor=founder, channel_role=item.channel_role, is_oem=item.is_oem)
    for person in others:
        name = item.sign_in_name(person, suffix)
        user = people.add_person(
            tenant,
            sign_in_name=name,
            display_name=person.name,
            contact_address=f"{person.job}@{item.domain}",
            language=item.language,
            is_activated=True,
        )
        demo.people[name] = user
        for role in person.roles:
            people.give_role(user, catalogue.roles_by_name()[role].id, actor=founder)
        for kind in person.groups:
            people.put_in_group(user, SecurityGroup.objects.get(tenant=tenant, kind=kind), actor=founder)


def settle(messages: list[OutboxMessage], before: datetime) -> None:
    """What was queued before that moment counts as sent then, with the provider's report; the rest is due and goes out.

    The messages go in at the end of the write, after these reports of theirs: the database looks at the commit.
    """
    reports = []
    for message in messages:
        if message.created_at >= before:
            continue
        bounced = message.to_address in BOUNCING
        message.attempts = 1
        message.sent_at = message.next_attempt_at = message.created_at
        message.settled_at = message.created_at + _REPORTED_AFTER
        message.state = OutboxMessage.State.BOUNCED if bounced else OutboxMessage.State.DELIVERED
        message.last_error = _NO_MAILBOX if bounced else ""
        report = DeliveryEvent(
            message=message,
            provider=_PROVIDER,
            event_id=str(message.pk),
            kind=str(message.state),
            at=message.settled_at,
            detail=message.last_error,
        )
        reports.append(report)
    DeliveryEvent.objects.bulk_create(reports)
