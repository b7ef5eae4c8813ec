"""Every route × everybody × GET and POST. A route that isn't in the table fails (DOMAIN §5, §14, §17).

Written by hand from the documents: who is named may, an insider else gets 403, a stranger 404, the signed-out
the sign-in page. Each POST is empty: where everything is optional it does its work (and is undone), else 200, 400
or 409 say what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.world import AFTER_DAP, OURS, PERSONAS, SIGNED_OUT, THEIRS, World, routes

Codes = dict[str, int]
SIGN_IN = 302

# Who may, by data/role_capabilities.csv: by an own role, or on behalf by DAP (Admin agents act as Global
# Administrators, Helpdesk agents as Helpdesk Administrators).
ANY_ROLE = {"global-admin", "billing-admin", "user-admin", "helpdesk-admin", "delegation-admin"} | {
    "admin-agent",
    "helpdesk-agent",
}
SEES_USERS = ANY_ROLE - {"delegation-admin"}
EDITS_USERS = {"global-admin", "user-admin", "admin-agent"}
RESETS = EDITS_USERS | {"helpdesk-admin", "helpdesk-agent"}
ASSIGNS_ROLES = {"global-admin", "admin-agent"}
SEES_PARTNERS = {"global-admin", "billing-admin", "delegation-admin", "admin-agent"}
SERVES = SEES_USERS
READS_AUDIT = {"global-admin", "admin-agent"}
ITSELF = {"global-admin"}  # never on behalf
APPROVES_ROLES = {"global-admin", "delegation-admin"}  # neither
REMOVES_ROLES = APPROVES_ROLES | {"billing-admin"}
# By data/partner_capabilities.csv.
SEES_CUSTOMERS = {"partner-admin", "admin-agent", "sales-agent", "helpdesk-agent"}
EXPORTS = SEES_INVITATIONS = CANCELS = {"partner-admin", "admin-agent", "sales-agent"}
INVITES = {"admin-agent", "sales-agent"}
REQUESTS = {"admin-agent"}
ENDS = {"partner-admin", "admin-agent"}
# Asked in our own tenant: its Global Administrator manages groups, Admin agents only the three built-in ones.
MANAGES_GROUPS, MANAGES_BUILT_IN = {"partner-admin"}, {"partner-admin", "admin-agent"}


def everyone(code: int) -> Codes:
    """The same for all, signed in or not."""
    return dict.fromkeys(PERSONAS, code)


def signed_in(code: int) -> Codes:
    """The same for everybody who is signed in."""
    return everyone(code) | {SIGNED_OUT: SIGN_IN}


def guests_only(code: int) -> Codes:
    """For the signed-out; whoever is signed in is sent on."""
    return everyone(302) | {SIGNED_OUT: code}


def only(allowed: Iterable[str], code: int, insiders: Iterable[str], refused: int = 403) -> Codes:
    """Those who may; other insiders are refused, strangers learn nothing."""
    return signed_in(404) | dict.fromkeys(insiders, refused) | dict.fromkeys(allowed, code)


def theirs(allowed: Iterable[str] = (), code: int = 200, refused: int = 403) -> Codes:
    """A page of the customer's tenant: its people and its partners' are insiders, with DAP or without it."""
    return only(allowed, code, (*OURS, *THEIRS, AFTER_DAP), refused)


def ours(allowed: Iterable[str] = (), code: int = 200, refused: int = 403) -> Codes:
    """A page of the partner's: only its own people are insiders."""
    return only(allowed, code, OURS, refused)


NO = everyone(405)
NO_IN = signed_in(405)
NO_THEIRS, NO_OURS = theirs(refused=405), ours(refused=405)
OPERATOR = only({"operator"}, 200, ())


def answering(code: int, refused: int = 403) -> Codes:
    """The customer's inbox: Global and Billing Administrators may, the Delegated Admin Administrator sees why not."""
    return signed_in(404) | {"delegation-admin": refused} | dict.fromkeys(("global-admin", "billing-admin"), code)


def approving(code: int, refused: int = 403) -> Codes:
    """The same for roles: the Delegated Admin Administrator may, the Billing Administrator sees why not."""
    return signed_in(404) | {"billing-admin": refused} | dict.fromkeys(APPROVES_ROLES, code)


Table = dict[str, tuple[Codes, Codes]]

PUBLIC: Table = {
    "healthz": (everyone(200), NO),
    "set_language": (NO, everyone(302)),
    "set_theme": (NO, everyone(302)),
    "account_login": (guests_only(200), guests_only(200)),
    "sign-in": (guests_only(200), guests_only(200)),
    "sign-in-as": (NO, everyone(404)),
    "account_logout": (NO, everyone(302)),
    "sign-out": (NO, everyone(302)),
    "forgot-password": (everyone(200), everyone(200)),
    "forgot-password-sent": (everyone(200), NO),
    "new-organisation": (guests_only(200), guests_only(200)),
    "new-organisation-sent": (everyone(200), NO),
    "mailbox": (everyone(200), NO),
    "mailbox-message": (everyone(200), NO),
    "mailbox-html": (everyone(200), NO),
}
#: The secret is swapped for the session; the clean address works for the browser that had the link only.
LINKS: Table = {
    "reset-link": (everyone(302), NO),
    "welcome-link": (everyone(302), NO),
    "confirm-link": (everyone(302), NO),
    "organisation-link": (everyone(302), NO),
    "invitation-link": (everyone(302), NO),
    "gdap-link": (everyone(302), NO),
    "reset": (everyone(409), everyone(409)),
    "welcome": (everyone(409), everyone(409)),
    "confirm-address": (everyone(409), everyone(409)),
    "organisation-details": (guests_only(409), guests_only(409)),
}
#: Each checks its own signature; one without its key configured doesn't exist.
WEBHOOKS: Table = {
    f"anymail:{name}_webhook": (everyone(405), everyone(code))
    for name, code in {
        "amazon_ses_tracking": 401,
        "brevo_tracking": 400,
        "mailjet_tracking": 400,
        "mailtrap_tracking": 400,
        "postmark_tracking": 400,
        "resend_tracking": 400,
        "sparkpost_tracking": 400,
        "mandrill": 404,
        "mandrill_tracking": 404,
    }.items()
} | {
    f"anymail:{name}_tracking_webhook": (everyone(404), everyone(404))
    for name in ("mailersend", "mailgun", "postal", "unisender_go")
}
OWN: Table = {
    "start": (signed_in(200), NO_IN),
    "my-account": (signed_in(200), NO_IN),
    "my-settings": (NO_IN, signed_in(200)),
    "my-password": (NO_IN, signed_in(200)),
    "my-contact-address": (NO_IN, signed_in(200)),
    "my-sessions": (NO_IN, signed_in(302)),
    "outbox": (OPERATOR, NO_IN),
    "outbox-csv": (OPERATOR, NO_IN),
    "outbox-resend": (NO_IN, only({"operator"}, 302, ())),
}
TENANT: Table = {
    "partner-profile": (theirs(ITSELF), theirs(ITSELF)),
    "account": (theirs(ANY_ROLE), NO_THEIRS),
    "account-notices": (NO_THEIRS, theirs(ITSELF, 302)),
    "users": (theirs(SEES_USERS), NO_THEIRS),
    "users-csv": (theirs(SEES_USERS), NO_THEIRS),
    "user-invite": (theirs(EDITS_USERS), theirs(EDITS_USERS)),
    "user": (theirs(SEES_USERS), NO_THEIRS),
    "user-edit": (theirs(EDITS_USERS), theirs(EDITS_USERS)),
    "user-block": (NO_THEIRS, theirs(EDITS_USERS, 302)),
    "user-unblock": (NO_THEIRS, theirs(EDITS_USERS, 302)),
    "user-reset": (NO_THEIRS, theirs(RESETS, 302)),
    "user-welcome": (NO_THEIRS, theirs(EDITS_USERS, 409)),
    "user-delete": (theirs(EDITS_USERS), theirs(EDITS_USERS, 302)),
    "user-roles": (theirs(ASSIGNS_ROLES), theirs(ASSIGNS_ROLES, 409)),
    "user-role-remove": (theirs(ASSIGNS_ROLES), theirs(ASSIGNS_ROLES, 302)),
    "service-requests": (theirs(SERVES), NO_THEIRS),
    "service-requests-csv": (theirs(SERVES), NO_THEIRS),
    "service-request-new": (theirs(SERVES), theirs(SERVES)),
    "service-request": (theirs(SERVES), NO_THEIRS),
    "service-request-comment": (NO_THEIRS, theirs(SERVES)),
    "service-request-start": (NO_THEIRS, theirs(SERVES, 302)),
    "service-request-resolve": (NO_THEIRS, theirs(SERVES, 302)),
    "service-request-close": (NO_THEIRS, theirs(SERVES, 409)),
    "service-request-reopen": (NO_THEIRS, theirs(SERVES, 409)),
    # Everybody may ask about themselves; about whom else is a matter of the form (tests/portal/test_why.py).
    "why": (theirs((*OURS, *THEIRS, AFTER_DAP)), NO_THEIRS),
    "who-has-access": (theirs(SEES_PARTNERS), NO_THEIRS),
    "who-has-access-export": (theirs(SEES_PARTNERS), NO_THEIRS),
    "what-if": (theirs(SEES_PARTNERS), NO_THEIRS),
    "audit-log": (theirs(READS_AUDIT), NO_THEIRS),
    "audit-log-csv": (theirs(READS_AUDIT), NO_THEIRS),
    "audit-log-lines": (theirs(READS_AUDIT), NO_THEIRS),
    "audit-log-head": (theirs(READS_AUDIT), NO_THEIRS),
    "certificates": (theirs(SEES_PARTNERS), NO_THEIRS),
    "certificates-csv": (theirs(SEES_PARTNERS), NO_THEIRS),
    "certificate-pdf": (theirs(SEES_PARTNERS), NO_THEIRS),
    "certificate-json": (theirs(SEES_PARTNERS), NO_THEIRS),
}
PARTNERS: Table = {
    "requests": (theirs(SEES_PARTNERS), NO_THEIRS),
    "requests-export": (theirs(SEES_PARTNERS), NO_THEIRS),
    "partner-relationships": (theirs(SEES_PARTNERS), NO_THEIRS),
    "partner-relationships-export": (theirs(SEES_PARTNERS), NO_THEIRS),
    "partner-relationship": (theirs(SEES_PARTNERS), NO_THEIRS),
    "partner-remove-dap": (theirs(ITSELF), theirs(ITSELF, 302)),
    "clean-exit": (theirs(SEES_PARTNERS - {"admin-agent"}), theirs(SEES_PARTNERS - {"admin-agent"}, 400)),
    "clean-exit-done": (theirs(SEES_PARTNERS), NO_THEIRS),
    "partner-give-consent": (NO_THEIRS, theirs(ITSELF, 302)),
    "partner-block": (NO_THEIRS, theirs(ITSELF, 302)),
    "partner-unblock": (NO_THEIRS, theirs(ITSELF, 302)),
    "requests-gdap": (theirs(SEES_PARTNERS), NO_THEIRS),
    "requests-gdap-export": (theirs(SEES_PARTNERS), NO_THEIRS),
    "customer-gdap": (theirs(SEES_PARTNERS), NO_THEIRS),
    "customer-gdap-auto-extend": (NO_THEIRS, theirs(APPROVES_ROLES, 302)),
    "customer-gdap-remove": (theirs(REMOVES_ROLES), theirs(REMOVES_ROLES, 302)),
    "answer-gdap": (approving(200), NO_IN),
    "approve-gdap": (NO_IN, approving(400)),
    "decline-gdap": (approving(200), approving(302)),
    "counter-offer-gdap": (approving(200), approving(400)),
    "withdraw-counter-offer-gdap": (NO_IN, approving(302)),
    "forward-gdap": (NO_IN, approving(403)),
    "answer-invitation": (answering(200), NO_IN),
    "accept-invitation": (NO_IN, answering(400)),
    "decline-invitation": (NO_IN, answering(302)),
    "forward-invitation": (NO_IN, answering(403)),
}
#: Of the groups of our own tenant the one asked for is a custom one.
GROUPS: Table = {
    "groups": (ours(MANAGES_BUILT_IN), NO_OURS),
    "groups-csv": (ours(MANAGES_BUILT_IN), NO_OURS),
    "group-new": (ours(MANAGES_GROUPS), ours(MANAGES_GROUPS)),
    "group": (ours(MANAGES_GROUPS), NO_OURS),
    "group-csv": (ours(MANAGES_GROUPS), NO_OURS),
    "group-rename": (ours(MANAGES_GROUPS), ours(MANAGES_GROUPS)),
    "group-delete": (ours(MANAGES_GROUPS), ours(MANAGES_GROUPS, 302)),
    "group-add": (NO_OURS, ours(MANAGES_GROUPS, 404)),
    "group-remove": (NO_OURS, ours(MANAGES_GROUPS, 404)),
}
CUSTOMERS: Table = {
    "customers": (ours(SEES_CUSTOMERS), NO_OURS),
    "partner-why": (ours(OURS), NO_OURS),
    "customers-export": (ours(EXPORTS), NO_OURS),
    "customer": (ours(SEES_CUSTOMERS), NO_OURS),
    "customer-services": (ours(SEES_CUSTOMERS), NO_OURS),
    "customer-limit-groups": (NO_OURS, ours(ENDS, 400)),
    "customer-give-up-dap": (ours(ENDS), ours(ENDS, 302)),
    "relationship-end": (ours(ENDS), ours(ENDS, 302)),
}
INVITATIONS: Table = {
    "invitations": (ours(SEES_INVITATIONS), NO_OURS),
    "invitations-export": (ours(SEES_INVITATIONS), NO_OURS),
    "invitation": (ours(SEES_INVITATIONS), NO_OURS),
    "invitation-deliver": (ours(SEES_INVITATIONS), NO_OURS),
    "invitation-new": (ours(INVITES), ours(INVITES, 400)),
    "invitation-options": (ours(INVITES), ours(INVITES, 400)),
    "invitation-message": (ours(INVITES), ours(INVITES, 400)),
    "invitation-open": (NO_OURS, ours(INVITES, 302)),
    "invitation-send": (NO_OURS, ours(INVITES, 302)),
    "invitation-resend": (NO_OURS, ours(CANCELS, 302)),
    "invitation-replace-link": (NO_OURS, ours(CANCELS, 302)),
    "invitation-cancel": (ours(CANCELS), ours(CANCELS, 302)),
}
GDAP: Table = {
    "gdap-list": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-export": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-relationship": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-auto-extend": (NO_OURS, ours(ENDS, 409)),
    "gdap-amend": (NO_OURS, ours(ENDS, 302)),
    "gdap-accept-counter-offer": (NO_OURS, ours({"admin-agent"}, 302)),
    "gdap-remove-roles": (ours(ENDS), ours(ENDS, 400)),
    "gdap-terminate": (ours(ENDS), ours(ENDS, 302)),
    "gdap-assignment-new": (ours(ENDS), ours(ENDS, 400)),
    "gdap-assignment-edit": (ours(ENDS), ours(ENDS, 400)),
    "gdap-assignment-remove": (ours(ENDS), ours(ENDS, 302)),
    "gdap-new": (ours(REQUESTS), ours(REQUESTS, 400)),
    "gdap-name-check": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-customers": (ours(REQUESTS), NO_OURS),
    "gdap-options": (ours(REQUESTS), ours(REQUESTS, 400)),
    "gdap-message": (ours(REQUESTS), ours(REQUESTS, 400)),
    "gdap-deliver": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-lock": (NO_OURS, ours(REQUESTS, 302)),
    "gdap-send": (NO_OURS, ours(REQUESTS, 302)),
    "gdap-resend": (NO_OURS, ours(REQUESTS, 302)),
    "gdap-replace-link": (NO_OURS, ours(REQUESTS, 302)),
    "gdap-withdraw": (ours(REQUESTS), ours(REQUESTS, 302)),
    "gdap-delete": (ours(REQUESTS), ours(REQUESTS, 302)),
    "gdap-expiring": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-expiring-export": (ours(SEES_CUSTOMERS), NO_OURS),
    "our-access": (ours(ENDS), NO_OURS),
    "our-access-export": (ours(ENDS), NO_OURS),
    "our-access-person": (ours(ENDS), NO_OURS),
    "our-access-person-export": (ours(ENDS), NO_OURS),
    "our-access-leaver": (ours(ENDS), NO_OURS),
    "gdap-analytics": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-analytics-csv": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-expiring-change": (ours(ENDS, 302), ours(ENDS, 302)),
    "gdap-for-customers": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-for-customers-export": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-for-customer": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-for-customer-approve": (NO_OURS, ours(REQUESTS, 302)),
    "gdap-for-customer-reject": (ours(REQUESTS), ours(REQUESTS, 302)),
}
#: Bulk jobs of kinds that Admin agents and Global Administrators of the partner may start; the one asked for is done.
JOBS: Table = {
    "jobs": (ours(ENDS), NO_OURS),
    "job": (ours(ENDS), NO_OURS),
    "job-csv": (ours(ENDS), NO_OURS),
    "job-cancel": (NO_OURS, ours(ENDS, 302)),
    "job-resume": (NO_OURS, ours(ENDS, 302)),
    "job-rerun": (NO_OURS, ours(ENDS, 409)),
}
TEMPLATES: Table = {
    "gdap-templates": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-templates-export": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-template": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-template-built-in": (ours(SEES_CUSTOMERS, 302), NO_OURS),
    "gdap-template-new": (ours(ENDS), ours(ENDS, 400)),
    "gdap-template-edit": (ours(ENDS), ours(ENDS, 400)),
    "gdap-template-groups": (ours(ENDS), ours(ENDS, 400)),
    "gdap-template-retire": (NO_OURS, ours(ENDS, 302)),
    "gdap-template-restore": (NO_OURS, ours(ENDS, 302)),
    "gdap-template-drift": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-template-drift-export": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-template-drift-amend": (ours(ENDS, 302), ours(ENDS, 302)),
}
#: One customer's move hasn't begun, in the other's tenant GDAP is in DAP's place.
MOVES: Table = {
    "gdap-moves": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-moves-export": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-moves-ask": (ours({"admin-agent"}), ours({"admin-agent"}, 400)),
    "gdap-moves-give-up": (ours(ENDS), ours(ENDS, 302)),
    "gdap-move": (ours(SEES_CUSTOMERS), NO_OURS),
    "gdap-move-ask": (NO_OURS, ours({"admin-agent"}, 400)),
    "gdap-move-give-up": (NO_OURS, ours(ENDS, 302)),
}
#: Fabrikam's AdminAgents and the tenant's Global Administrator are Owners, its Helpdesk Administrator is Reader.
OWNS, READS = {"global-admin", "admin-agent"}, {"global-admin", "admin-agent", "helpdesk-admin"}


def creating(code: int) -> Codes:
    """Its own people may create a subscription; a partner, which may buy on behalf, provisions one instead."""
    return theirs({"global-admin", "billing-admin"}, code) | {"admin-agent": 409}


AZURE: Table = {
    "azure": (theirs(READS | {"billing-admin"}), NO_THEIRS),  # who may create a subscription
    "azure-export": (theirs(READS | {"billing-admin"}), NO_THEIRS),
    "azure-new": (creating(200), creating(400)),
    "azure-elevate": (theirs(ITSELF), theirs(ITSELF, 302)),
    "azure-elevation-end": (NO_THEIRS, theirs(ITSELF, 302)),
    "azure-scope": (theirs(READS), NO_THEIRS),
    "azure-scope-export": (theirs(READS), NO_THEIRS),
    "azure-scope-new": (theirs(OWNS), theirs(OWNS, 400)),
    "azure-tags": (theirs(OWNS), theirs(OWNS, 302)),
    "azure-move": (theirs(OWNS), theirs(OWNS, 400)),
    "azure-delete": (theirs(OWNS), theirs(OWNS, 302)),
    "azure-import": (theirs(OWNS), theirs(OWNS, 400)),
    "azure-service-request": (theirs(OWNS), theirs(OWNS)),
    "azure-rename": (theirs(OWNS), theirs(OWNS, 400)),
    "azure-cancel": (theirs(OWNS), theirs(OWNS, 302)),
    "azure-assignments": (theirs(READS), NO_THEIRS),
    "azure-assignments-export": (theirs(READS), NO_THEIRS),
    "azure-assignment-new": (theirs(OWNS), theirs(OWNS, 400)),
    "azure-principals": (theirs(OWNS), NO_THEIRS),
    "azure-reinstate": (theirs(OWNS), theirs(OWNS, 400)),
    "azure-assignment-edit": (theirs(OWNS), theirs(OWNS, 400)),
    "azure-assignment-remove": (theirs(OWNS), theirs(OWNS, 302)),
    "azure-provision": (ours({"admin-agent"}), ours({"admin-agent"}, 400)),
}
TABLES = {
    "public": PUBLIC,
    "links": LINKS,
    "webhooks": WEBHOOKS,
    "own": OWN,
    "tenant": TENANT,
    "partners": PARTNERS,
    "groups": GROUPS,
    "customers": CUSTOMERS,
    "invitations": INVITATIONS,
    "gdap": GDAP,
    "jobs": JOBS,
    "templates": TEMPLATES,
    "moves": MOVES,
    "azure": AZURE,
}


def test_every_route_is_in_the_table_once() -> None:
    listed = [name for table in TABLES.values() for name in table]
    assert sorted(listed) == sorted(routes())


@pytest.mark.parametrize("area", TABLES)
def test_everybody_gets_what_the_documents_say(world: World, area: str) -> None:
    patterns = routes()
    wrong = []
    for name, (get, post) in TABLES[area].items():
        path = world.path(name, patterns[name])
        for method, expected in (("get", get), ("post", post)):
            for persona, code in expected.items():
                response = world.ask(persona, method, path)
                found = response.status_code
                is_sign_in = found == 302 and response["Location"].startswith("/sign-in")
                if found != code or (is_sign_in != _is_sent_to_sign_in(persona, name, code)):
                    wrong.append(f"{method.upper()} {name} as {persona}: {found}, not {code}")
    assert wrong == []


def _is_sent_to_sign_in(persona: str, name: str, code: int) -> bool:
    """The signed-out are sent there by every page that isn't public; signing out leads there too."""
    if name in ("sign-out", "account_logout"):
        return code == SIGN_IN
    is_public = name in PUBLIC or name in LINKS
    return persona == SIGNED_OUT and code == SIGN_IN and not is_public


def test_another_organisations_object_under_ones_own_address_does_not_exist(world: World) -> None:
    """An object of Contoso asked for under a stranger's own slug, by that stranger: 404, on every such route."""
    own = {"tenant_slug": world.cast.woodgrove.slug, "partner_slug": world.cast.litware.slug}
    foreign = World(world.cast, {name: value for name, value in world.values.items() if "slug" not in name} | own)
    wrong = []
    for name, pattern in routes().items():
        names_an_object = pattern.count("<") > pattern.count("<slug:")
        if not pattern.startswith(("t/", "p/")) or not names_an_object:
            continue
        persona = "stranger-customer" if pattern.startswith("t/") else "stranger-partner"
        for method in ("get", "post"):
            found = foreign.ask(persona, method, foreign.path(name, pattern)).status_code
            if found not in (404, 405):
                wrong.append(f"{method.upper()} {name}: {found}")
    assert wrong == []


def test_an_unknown_slug_and_a_strangers_slug_look_the_same(world: World) -> None:
    known = world.ask("stranger-partner", "get", f"/t/{world.cast.contoso.slug}/users")
    unknown = world.ask("stranger-partner", "get", "/t/nobody-has-this/users")
    assert (known.status_code, unknown.status_code) == (404, 404)
    assert _said(known) == _said(unknown) != b""


def _said(response: object) -> bytes:
    """What the page itself says, without the frame and its tokens."""
    text: bytes = response.read  # type: ignore[attr-defined]
    return text.partition(b"<h1>")[2].partition(b"<footer")[0]
