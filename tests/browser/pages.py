"""The main pages, by who looks at them."""

from __future__ import annotations

from tests.browser.stack import Stack

_TENANT = ("account", "users", "users/invite", "service-requests", "service-requests/new", "groups", "audit-log")


def pair(stack: Stack, partner: str, customer: str) -> str:
    """The id of a pair of the demo, as it stands in addresses."""
    rows = stack.rows(
        "SELECT pair.id FROM portal_pair pair JOIN portal_tenant p ON p.id = pair.partner_id "
        "JOIN portal_tenant c ON c.id = pair.customer_id WHERE p.slug = %s AND c.slug = %s",
        partner,
        customer,
    )
    return str(rows[0][0])


def user(stack: Stack, name: str) -> str:
    """The id of a person, as it stands in addresses."""
    return str(stack.rows("SELECT id FROM portal_user WHERE sign_in_name = %s", name)[0][0])


def invitation(stack: Stack, state: str) -> str:
    """The id of an invitation of Fabrikam in this state."""
    query = (
        "SELECT i.id FROM relationships_invitation i JOIN portal_tenant p ON p.id = i.partner_id "
        "WHERE p.slug = 'fabrikam' AND i.state = %s ORDER BY i.created_at DESC LIMIT 1"
    )
    return str(stack.rows(query, state)[0][0])


def invitation_for(stack: Stack, customer: str) -> str:
    """The id of an invitation to a customer of this name."""
    return str(stack.rows("SELECT id FROM relationships_invitation WHERE customer_name = %s", customer)[0][0])


def gdap(stack: Stack, name: str) -> str:
    """The id of a GDAP relationship of this name."""
    return str(stack.rows("SELECT id FROM delegation_gdaprelationship WHERE display_name = %s", name)[0][0])


def main_pages(stack: Stack) -> dict[str, list[str]]:
    """Paths by persona; "" is nobody, signed out."""
    contoso = pair(stack, "fabrikam", "contoso")
    wingtip = pair(stack, "fabrikam", "wingtip")
    northwind, served = pair(stack, "fabrikam", "northwind"), gdap(stack, "Northwind service desk")
    partner = "/p/fabrikam"
    invitations = [f"{partner}/invitations/{invitation(stack, state)}" for state in ("draft", "open", "accepted")]
    return {
        "": ["/sign-in", "/reset", "/organisations/new", "/mailbox", "/no-such-page"],
        "admin-agent@fabrikam.example": [
            "/",
            "/my-account",
            f"{partner}/customers",
            f"{partner}/customers?open={wingtip}",
            f"{partner}/customers/{wingtip}",
            f"{partner}/customers/{wingtip}/give-up-dap",
            f"{partner}/invitations",
            f"{partner}/invitations/new",
            *invitations,
            "/t/wingtip/users",
            "/t/fabrikam/users",
            *gdap_pages(stack),
        ],
        "delegation-admin@contoso.example": [
            f"/admin-requests/{gdap(stack, 'Contoso workplace')}",
            f"/admin-requests/{gdap(stack, 'Contoso workplace')}/counter-offer",
            "/t/contoso/requests/roles",
        ],
        "global-admin@northwind.example": [
            f"/t/northwind/partner-relationships/{northwind}",
            f"/t/northwind/partner-relationships/{northwind}/roles/{served}",
            f"/t/northwind/partner-relationships/{northwind}/roles/{served}/remove",
        ],
        "global-admin@contoso.example": [
            "/",
            "/t/contoso/partner-relationships",
            f"/t/contoso/partner-relationships/{contoso}",
            f"/t/contoso/partner-relationships/{contoso}/clean-exit",
            "/t/contoso/certificates",
            "/t/contoso/partner-profile",
            f"/t/contoso/users/{user(stack, 'user@contoso.example')}",
            f"/t/contoso/users/{user(stack, 'user@contoso.example')}/roles",
            *(f"/t/contoso/{page}" for page in _TENANT),
        ],
        "user@contoso.example": ["/", "/t/contoso/users"],
        "operator@mandate.example": ["/", "/operator/messages"],
    }


def gdap_pages(stack: Stack) -> list[str]:
    """Pages of GDAP for an Admin agent of Fabrikam."""
    served, draft = gdap(stack, "Northwind service desk"), gdap(stack, "Northwind licences")
    offered = gdap(stack, "Northwind administration")
    ours = "/p/fabrikam/admin-relationships"
    return [
        ours,
        f"{ours}/new",
        f"{ours}/{draft}/options",
        f"{ours}/{draft}/message",
        f"{ours}/{draft}/deliver",
        f"{ours}/{served}",
        f"{ours}/{served}/groups/new",
        f"{ours}/{served}/terminate",
        f"{ours}/{offered}",
        f"{ours}/expiring",
        f"{ours}/analytics",
        f"{ours}/templates",
        f"{ours}/templates/drift",
        f"{ours}/moves",
        "/p/fabrikam/jobs",
    ]
