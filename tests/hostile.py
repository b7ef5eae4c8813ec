"""What somebody with bad intentions sends, and what a form takes when it is filled in well."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import strategies as st

from delegation import gdap_offers, gdap_texts
from delegation.models import GdapRelationship
from portal import catalogue
from relationships import offers, texts
from relationships.models import Invitation
from tests import factories, moving
from tests.world import World

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "seven quiet lamps above"

TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\r\nBcc: everybody@woodgrove.example\r\n\r\nbody",
    "Subject\nX-Injected: yes",
    "it@contoso.example\r\nCc: other@contoso.example",
    '"a\r\n b"@contoso.example',
    "a" * 10_000,
    "字" * 10_000,
    "e" + "\u0301" * 500,
    "\u202eelpmaxe.osotnoc",
    "\u2066\u2067\u200f\u200b\ufeff",
    "\u2028\u2029\x85\x0b",
    "👩‍👩‍👧‍👦🏴‍☠️",
    "مرحبا بالعالم",
    "\U000e0041\U0010ffff\ufffe",
    "ß\u0130\u0131ﬁ\ufdfa",
    "<script>alert(1)</script>",
    "{{ settings.SECRET_KEY }}{% debug %}",
    "%(name)s %s %d %",
    "{personal-link} {{personal-link}}",
    "=cmd|'/c calc'!A0",
    "' OR 1=1; DROP TABLE portal_user; --",
    "a' & b | !c:* <-> \\",
    "../../../../etc/passwd",
    "//woodgrove.example/",
    "javascript:alert(1)",
    "https://woodgrove.example/i/0.0",
    "@",
    "a@b",
    "ä@ö.example",
    "xn--@xn--.xn--",
    "0",
    "-1",
    "1e400",
    "٣",
    "NaN",
    "Infinity",
    "9" * 30,
    "9" * 5_000,
    "-9223372036854775809",
    "0001-01-01",
    "9999-12-31",
    "2026-02-30",
    "00000000-0000-0000-0000-000000000000",
    "ffffffffffffffffffffffffffffffff",
    "{00000000-0000-0000-0000-000000000000}",
    "null",
    "[]",
    "True",
)
text = st.one_of(st.sampled_from(TEXTS), st.text(max_size=30))
#: One value or several of the same name.
value = st.one_of(text, st.lists(text, min_size=2, max_size=3))

_key = st.one_of(
    text,
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, -(10**30), 2**63, float("inf"), float("nan"), 1e308]),
    st.sampled_from(["2026-01-01T00:00:00+00:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59-14:00", "infinity"]),
    st.lists(st.integers(), max_size=2),
    st.just({"a": 1}),
)


#: Keys of rows that no list has: each has made some database or calendar stumble.
KEYS = (
    "a\x00b",
    float("inf"),
    float("nan"),
    10**30,
    "0001-01-01T00:00:00",
    "2026-01-01",
    "\ud800",
    True,
    [1],
    {"a": 1},
)


def place(start: Any) -> str:
    """A place in a list, as addresses hold it."""
    return base64.urlsafe_b64encode(json.dumps(start).encode()).decode().rstrip("=")


#: Places in a list that no page of ours has named: well formed with forged keys, or anything else.
forged_place = st.one_of(
    st.tuples(st.sampled_from(["after", "before"]), st.tuples(_key, _key), st.one_of(st.none(), st.integers(0, 99))),
    st.tuples(st.sampled_from(["after", "sideways"]), _key, _key),
    st.just(["after", ["x", "y"], -1]),
    st.recursive(st.none(), lambda inner: st.lists(inner, max_size=2), max_leaves=50),
).map(place)

SORTS = ("name", "-name", "customer", "-since", "at", "-at", "number", "-number", "state", "expires", "--name", "-")
_filters = st.sampled_from(
    (
        "q",
        "state",
        "show",
        "dap",
        "severity",
        "action",
        "since",
        "until",
        "behalf",
        "open",
        "add",
        "pair",
        "next",
        "close",
    )
)
#: Query strings of lists and pages.
query = st.fixed_dictionaries(
    {},
    optional={"at": st.one_of(forged_place, text), "sort": st.one_of(st.sampled_from(SORTS), text)},
).flatmap(lambda paging: st.dictionaries(_filters, value, max_size=3).map(lambda filters: filters | paging))

HEADERS = {
    "HTTP_ACCEPT_LANGUAGE": ("de" * 5_000, "\x00", "zh-Hant;q=nan, *;q=-1", "en-" + "a-" * 400),
    "HTTP_HOST": ("woodgrove.example", "a\r\nb", "", "[::", "testserver:99999999"),
    "HTTP_REFERER": ("https://woodgrove.example/", "\r\nX: y", "http://[", "a" * 10_000),
    "HTTP_ORIGIN": ("null", "https://woodgrove.example", "http://["),
    "HTTP_X_FORWARDED_FOR": ("999.1.1.1", "::ffff:0:0%eth0", "a, b, \x00", "1" * 10_000),
    "HTTP_X_REQUEST_ID": ("a\r\nb: c", "\x00", "x" * 10_000),
    "HTTP_COOKIE": ("theme=\x00; language=../..", "=;=;=", "a" * 10_000, "language=x-klingon; theme=<b>"),
    "HTTP_HX_REQUEST": ("true", "\x00"),
    "HTTP_HX_CURRENT_URL": ("http://[", "\x00", "%ff"),
    "HTTP_ACCEPT": ("application/json", "*/*;q=x", "\x00"),
    "HTTP_RANGE": ("bytes=0-", "bytes=-9999999999999999999"),
    "HTTP_IF_MODIFIED_SINCE": ("Mon, 00 Xxx 9999999 99:99:99 GMT", "0"),
    "HTTP_X_HTTP_METHOD_OVERRIDE": ("DELETE",),
    "REMOTE_ADDR": ("", "unix:", "not-an-address"),
}

#: Bodies that are no form: (content type, bytes).
BODIES = (
    ("application/json", b'{"a": '),
    ("application/json", b"[" * 10_000),
    ("text/plain", b"\x00\xff\xfe"),
    ("application/xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    ("multipart/form-data", b"no boundary"),
    ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nnever ends'),
    (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="n"; filename="\x00"\r\n\r\n--b--',
    ),
    ("application/x-www-form-urlencoded", b"name=%ff%fe&title=%ed%a0%80&%=%&&=&text=%u0041"),
    ("application/x-www-form-urlencoded; charset=utf-16", b"name=a"),
    ("application/x-www-form-urlencoded; charset=no-such", b"name=a"),
    ("application/x-www-form-urlencoded", b"&".join(b"name=a" for _ in range(1_001))),
    ("application/x-www-form-urlencoded", b"name=" + b"a" * 2_600_000),
    ("\x00/\r\n", b"name=a"),
)

Filled = tuple[str, dict[str, Any]]


def filled(world: World) -> dict[str, Filled]:
    """Route → who fills its form in, and how, so that it works: each test spoils it from there."""
    of_gdap = _gdap(world) | _gdap_requests(world) | moving.forms(world)
    return _own(world) | _people(world) | _partners(world) | _invitations(world) | of_gdap | _azure(world)


def _own(world: World) -> dict[str, Filled]:
    new = {"password": NEW_PASSWORD, "repeat": NEW_PASSWORD}
    return {
        "sign-in": ("signed-out", {"login": world.cast["user"].sign_in_name, "password": PASSWORD, "next": "/"}),
        "forgot-password": ("signed-out", {"sign_in_name": world.cast["user"].sign_in_name}),
        "reset": ("signed-out", new),
        "new-organisation": ("signed-out", {"address": "somebody@tailwind.example", "next": "/my-account"}),
        "organisation-details": ("signed-out", _organisation() | new),
        "set_language": ("user", {"language": "de", "next": "/"}),
        "set_theme": ("user", {"theme": "dark", "next": "/"}),
        "my-settings": ("user", {"language": "de", "time_zone": "Asia/Taipei", "theme": "dark", "notices": []}),
        "my-password": (
            "user",
            {"password-present": PASSWORD, **{f"password-{name}": value for name, value in new.items()}},
        ),
        "my-contact-address": ("user", {"contact-address": "new@contoso.example", "contact-present": PASSWORD}),
    }


def _organisation() -> dict[str, Any]:
    return {
        "display_name": "Tailwind Traders",
        "label": "tailwind",
        "country": "DE",
        "language": "en",
        "person": "Global admin",
        "local_part": "global-admin",
    }


def _people(world: World) -> dict[str, Filled]:
    person = {
        "display_name": "New colleague",
        "local_part": "new",
        "domain": "contoso.example",
        "contact_address": "new@contoso.example",
        "language": "de",
    }
    return {
        "account-notices": ("global-admin", {"on_behalf": "on"}),
        "user-invite": ("global-admin", person),
        "user-edit": ("global-admin", {"display_name": "Renamed"}),
        "user-roles": ("global-admin", {"role": factories.role("Helpdesk Administrator")}),
        "group-new": ("partner-admin", {"name": "Day shift"}),
        "group-rename": ("partner-admin", {"name": "Late shift"}),
        "group-add": ("partner-admin", {"person": str(world.cast["partner-user"].pk)}),
        "partner-profile": ("global-admin", {"channel_role": "direct_bill", "is_oem": "on"}),
        "service-request-new": ("global-admin", {"title": "Printer", "severity": "normal", "description": "Smoke."}),
        "service-request-comment": ("global-admin", {"text": "Still smoke."}),
        "service-request-start": ("global-admin", {"text": "On it."}),
        "service-request-resolve": ("global-admin", {"text": "Done."}),
    }


def _partners(world: World) -> dict[str, Filled]:
    group = str(world.values["group_uid"])
    return {
        "customer-limit-groups": ("admin-agent", {"which": "chosen", "groups": [group]}),
        "customer-give-up-dap": ("admin-agent", {"reason": "The work is done."}),
        "partner-remove-dap": ("global-admin", {"reason": "The work is done."}),
        "clean-exit": ("global-admin", {"chosen": ["dap:1"], "reason": "The work is done.", "is_confirmed": "on"}),
    } | _gdap_answers(world)


def _gdap_answers(world: World) -> dict[str, Filled]:
    asked = GdapRelationship.objects.select_related("partner").get(pk=world.values["answer-gdap:gdap_id"])
    offer = gdap_offers.offer(asked, world.cast.contoso)
    less = {
        "roles": [factories.role("Directory Readers")],
        "duration_days": "7",
        "is_extension_forbidden": "on",
        "reason": "Start small.",
    }
    return {
        "approve-gdap": ("global-admin", {"digest": offer.digest, "yes": "on", "removes_dap": "on"}),
        "decline-gdap": ("delegation-admin", {"reason": "Too much."}),
        "counter-offer-gdap": ("delegation-admin", less),
        "forward-gdap": ("billing-admin", {"to": str(world.cast["global-admin"].pk)}),
        "customer-gdap-auto-extend": ("global-admin", {"to": "on"}),
        "customer-gdap-remove": ("global-admin", {"reason": "The work is done.", "removes_dap": "on"}),
    }


def _invitations(world: World) -> dict[str, Filled]:
    opened = Invitation.objects.get(pk=world.values["invitation_id"])
    draft = Invitation.objects.select_related("partner").get(pk=world.values["invitation-message:invitation_id"])
    options = {
        "partner_type": "reseller",
        "with_dap": "no",
        "audience": "named",
        "customer_name": "Woodgrove Bank",
        "customer_address": "it@woodgrove.example",
        "is_limited": "",
        "max_uses": "",
        "language": "en",
        "days": "30",
    }
    digest = offers.offer(opened, world.cast.contoso).digest
    return {
        "invitation-new": ("admin-agent", options),
        "invitation-options": ("admin-agent", options | {"audience": "open", "max_uses": "5"}),
        "invitation-message": ("admin-agent", {"subject": "A request", "body": texts.shown(draft)}),
        "accept-invitation": ("global-admin", {"digest": digest, "yes": "on"}),
        "forward-invitation": ("delegation-admin", {"to": str(world.cast["global-admin"].pk)}),
    }


def _gdap(world: World) -> dict[str, Filled]:
    reader, helpdesk = factories.role("Directory Readers"), factories.role("Helpdesk Administrator")
    return {
        "gdap-auto-extend": ("admin-agent", {"is_on": "yes"}),
        "gdap-remove-roles": ("admin-agent", {"roles": [helpdesk]}),
        "gdap-for-customer-reject": ("admin-agent", {"reason": "We do this ourselves."}),
        "gdap-terminate": ("admin-agent", {"reason": "The work is done."}),
        "gdap-assignment-new": ("admin-agent", {"group": str(world.values["group_uid"]), "roles": [reader]}),
        "gdap-assignment-edit": ("admin-agent", {"roles": [reader, helpdesk], "version": "1", "was": [reader]}),
        "gdap-expiring-change": ("admin-agent", {"act": "renew", "which": "all", "row": "", "days": "90", "q": ""}),
    }


def _azure(world: World) -> dict[str, Filled]:
    reader = catalogue.azure_roles_by_name()["Reader"].id
    assignment = {
        "find": "user",
        "principal": str(world.cast["user"].own_group.uid),
        "role": reader,
        "description": "Costs",
        "until": "2090-12-31",
    }
    lines = "name,type,group,tags\r\ncaches,,,cost=42\r\nredis-1,Microsoft.Cache/Redis,caches,\r\n"
    return {
        "azure-new": ("global-admin", {"name": "Sandbox", "offer": "Pay-as-you-go"}),
        "azure-provision": ("admin-agent", {"name": "Sandbox", "offer": "Azure plan"}),
        "azure-rename": ("global-admin", {"name": "Live"}),
        "azure-scope-new": ("admin-agent", {"name": "logs", "tags": "cost=42\nowner=us"}),
        "azure-tags": ("admin-agent", {"tags": "cost=43"}),
        "azure-move": ("admin-agent", {"to": str(world.values["azure-other-group"])}),
        "azure-import": ("admin-agent", {"do": "import", "text": lines}),
        "azure-service-request": ("admin-agent", {"title": "Disk", "severity": "normal", "description": "Full."}),
        "azure-assignment-new": ("global-admin", assignment),
        "azure-assignment-edit": ("global-admin", {"description": "Costs", "until": "2090-12-31", "version": "1"}),
    }


def _gdap_requests(world: World) -> dict[str, Filled]:
    draft = GdapRelationship.objects.select_related("partner").get(pk=world.values["gdap-message:gdap_id"])
    role = factories.role("Helpdesk Administrator")
    options = {
        "version": "1",
        "used_template": "",
        "display_name": "Night shift",
        "audience": "ours",
        "customer": str(world.values["pair_id"]),
        "limited_to_domain": "",
        "customer_name": "",
        "customer_address": "it@contoso.example",
        "duration_days": "30",
        "auto_extend": "",
        "language": "en",
        "template": "",
        "tasks": [],
        "roles": [role],
        f"reason-{role}": "Support contract",
    }
    text = {"version": "1", "subject": "A request", "body": gdap_texts.personal_link(draft)}
    return {
        "gdap-new": ("admin-agent", options),
        "gdap-options": ("admin-agent", options | {"audience": "domain", "limited_to_domain": "woodgrove.example"}),
        "gdap-message": ("admin-agent", text),
    }


def spoiled(forms: dict[str, Filled]) -> st.SearchStrategy[tuple[str, str, dict[str, Any]]]:
    """A route, who asks, and its form with at least one field spoiled, missing, or sent twice."""

    def of(route: str) -> st.SearchStrategy[tuple[str, str, dict[str, Any]]]:
        persona, fields = forms[route]
        names = st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=3, unique=True)
        changes = names.flatmap(
            lambda chosen: st.fixed_dictionaries(dict.fromkeys(chosen, st.one_of(st.none(), value)))
        )
        return changes.map(lambda change: (route, persona, _without_nothing(fields | change)))

    return st.sampled_from(sorted(forms)).flatmap(of)


def _without_nothing(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: given for name, given in fields.items() if given is not None}
