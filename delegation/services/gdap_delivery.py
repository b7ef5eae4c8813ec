"""How a GDAP request reaches the customer: its text, *Send for me*, resend, replace the link (DOMAIN §3, §6)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from delegation import gdap_offers, gdap_texts
from delegation.models import GdapRelationship
from delegation.services import gdap_rows as rows
from delegation.services.gdap_requests import capability_for, lock_request, require_approved, require_unblocked
from delegation.services.gdap_rows import Status
from portal import access, clock, mail
from portal.errors import Conflict, Refused
from portal.models import User
from portal.writes import writes
from relationships.letters import check_text
from relationships.services import count_opening


@writes
def edit_text(
    *, relationship: GdapRelationship, actor: User, version: int, subject: str, body: str
) -> GdapRelationship:
    """Change the text of a draft; `body` as people see it, with the real link. The default text follows the options.

    `version` is that of the page. Raises PermissionDenied, Conflict where somebody changed the draft since, Refused
    (with the field) for a text that may not go out (`letters.check_text`) and for anything but a draft.
    """
    row = rows.locked(relationship)
    decision = access.require(actor, capability_for(row), row)
    rows.require_status(row, Status.CREATED)
    if row.version != version:
        raise Conflict(_("Somebody changed this draft since you opened it. Look at it again."))
    written = (subject.strip(), gdap_texts.stored(row, body))
    check_text(row, *written)
    row.subject, row.body = ("", "") if written == gdap_texts.default_text(row) else written
    row.version += 1
    row.save(update_fields=["subject", "body", "version"])
    rows.record("gdap.text_edited", row, actor, decision)
    return row


@writes
def open_request(*, relationship: GdapRelationship, actor: User) -> GdapRelationship:
    """*Lock for approval* by a person: as `lock_request`, and counted. Opening an open one changes nothing.

    Raises as `lock_request`, and TooMany over the day's requests of this person.
    """
    was_draft = rows.locked(relationship).status == Status.CREATED
    row = lock_request(relationship=relationship, actor=actor)
    if was_draft:
        count_opening(actor)
    return row


@writes
def send_request(*, relationship: GdapRelationship, actor: User) -> GdapRelationship:
    """*Send for me*: locks it where it is still a draft and queues the mail. Sending a sent one changes nothing.

    Raises as `open_request`, and Refused where nobody is known whom it could be sent to.
    """
    row = open_request(relationship=relationship, actor=actor)
    if row.sent_at is None:
        send_message(row, actor, "gdap.sent")
    return row


@writes
def resend_request(*, relationship: GdapRelationship, actor: User) -> GdapRelationship:
    """Queue the mail once more, with the same link. The 90 days don't begin anew.

    Raises PermissionDenied, Refused for a request that isn't pending or where nobody is known to send it to.
    """
    row = rows.locked(relationship)
    access.require(actor, capability_for(row), row)
    rows.require_status(row, Status.APPROVAL_PENDING)
    require_approved(row.partner)
    require_unblocked(row)
    send_message(row, actor, "gdap.resent")
    return row


@writes
def replace_link(*, relationship: GdapRelationship, actor: User) -> GdapRelationship:
    """A new link; the old one stops working with this commit. The 90 days don't begin anew.

    Raises PermissionDenied, Refused for a request that was answered or has lapsed.
    """
    row = rows.locked(relationship)
    decision = access.require(actor, capability_for(row), row)
    rows.require_status(row, Status.CREATED, Status.APPROVAL_PENDING)
    row.link_version += 1
    row.save(update_fields=["link_version"])
    rows.record("gdap.link_replaced", row, actor, decision, version=row.link_version)
    return row


def send_message(row: GdapRelationship, actor: User, action: str) -> None:
    """Part of a write on a pending request: the message in its fixed frame, which names who sends it."""
    if row.reseller and row.reseller_answer == GdapRelationship.ResellerAnswer.PENDING:
        message = _("%(reseller)s decides first. The message can be sent once it has approved.")
        raise Refused(message, reseller=row.reseller.display_name)
    recipients = gdap_offers.recipients(row)
    if not recipients:
        raise Refused(_("The portal knows nobody to send it to. Copy the text and send it yourself."))
    decision = access.require(actor, capability_for(row), row)
    for to in recipients:
        mail.queue(
            gdap_texts.MAIL,
            to=to,
            tenant=row.partner,
            language=row.language,
            context={"sender": f"{row.partner.display_name} ({actor.sign_in_name})"},
            link=gdap_texts.link_of(row),
            subject=row.subject,
            body=row.body,
            about=row,
        )
    if row.sent_at is None:
        row.sent_at = clock.now()
        row.save(update_fields=["sent_at"])
    rows.record(action, row, actor, decision, recipients=len(recipients))
