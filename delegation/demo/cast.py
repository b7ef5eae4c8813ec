"""Who plays in the demo: organisations under `.example`, people named by their job."""

from __future__ import annotations

from dataclasses import dataclass

from portal.models import ChannelRole, SecurityGroup

OPERATOR = "operator@mandate.example"


@dataclass(frozen=True)
class Person:
    """Somebody of the cast: the name before the @, directory roles, agent groups."""

    job: str
    name: str
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    is_cloud_native: bool = False


@dataclass(frozen=True)
class Organisation:
    """An organisation of the cast; the first person founds it."""

    label: str
    name: str
    country: str
    language: str
    people: tuple[Person, ...]
    channel_role: str = ""
    is_oem: bool = False
    founded_days_ago: int = 1200

    @property
    def domain(self) -> str:
        """Its verified domain."""
        return f"{self.label}.example"

    def sign_in_name(self, person: Person, suffix: str) -> str:
        """How the person signs in: in the verified domain, or (cloud-native) in the default one."""
        domain = f"{self.label}.{suffix}" if person.is_cloud_native else self.domain
        return f"{person.job}@{domain}"


_GLOBAL_ADMIN = Person("global-admin", "Global admin", ("Global Administrator",))
_ADMIN_AGENT = Person("admin-agent", "Admin agent", groups=(SecurityGroup.Kind.ADMIN_AGENTS,))
_SALES_AGENT = Person("sales-agent", "Sales agent", groups=(SecurityGroup.Kind.SALES_AGENTS,))
_HELPDESK_AGENT = Person("helpdesk-agent", "Helpdesk agent", groups=(SecurityGroup.Kind.HELPDESK_AGENTS,))
_BILLING_ADMIN = Person("billing-admin", "Billing admin", ("Billing Administrator",))
_USER = Person("user", "User")

FABRIKAM = Organisation(
    "fabrikam",
    "Fabrikam Cloud",
    "GB",
    "en",
    (_GLOBAL_ADMIN, _ADMIN_AGENT, _SALES_AGENT, _HELPDESK_AGENT),
    ChannelRole.DIRECT_BILL,
)
TAILSPIN = Organisation(
    "tailspin",
    "Tailspin Distribution",
    "US",
    "en",
    (_GLOBAL_ADMIN, _ADMIN_AGENT, _SALES_AGENT),
    ChannelRole.INDIRECT_PROVIDER,
)
WINGTIP = Organisation(
    "wingtip", "Wingtip IT", "IE", "en", (_GLOBAL_ADMIN, _ADMIN_AGENT), ChannelRole.INDIRECT_RESELLER
)
PROSEWARE = Organisation(
    "proseware",
    "Proseware Devices",
    "TW",
    "en",
    (_GLOBAL_ADMIN, _ADMIN_AGENT),
    ChannelRole.DIRECT_BILL,
    is_oem=True,
)
CONTOSO = Organisation(
    "contoso",
    "Contoso GmbH",
    "DE",
    "de",
    (
        _GLOBAL_ADMIN,
        _BILLING_ADMIN,
        Person("user-admin", "User admin", ("User Administrator",)),
        _USER,
        Person("delegation-admin", "Delegation admin", ("Customer Delegated Admin Relationship Administrator",)),
        Person("cloud-admin", "Cloud admin", ("Global Administrator",), is_cloud_native=True),
    ),
    founded_days_ago=1100,
)
NORTHWIND = Organisation(
    "northwind",
    "Northwind 貿易",
    "TW",
    "zh-hant",
    (_GLOBAL_ADMIN, _BILLING_ADMIN, _USER),
    founded_days_ago=1000,
)
ADVENTURE_WORKS = Organisation(
    "adventure-works", "Adventure Works", "US", "en", (_GLOBAL_ADMIN, _BILLING_ADMIN), founded_days_ago=1000
)

PARTNERS = (FABRIKAM, TAILSPIN, WINGTIP, PROSEWARE)
CUSTOMERS = (CONTOSO, NORTHWIND, ADVENTURE_WORKS)
ORGANISATIONS = (*PARTNERS, *CUSTOMERS)


def personas(suffix: str) -> list[str]:
    """Sign-in names for the persona picker, in its order."""
    names = [item.sign_in_name(person, suffix) for item in ORGANISATIONS for person in item.people]
    return [*names, OPERATOR]
