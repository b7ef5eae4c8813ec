"""Providers' webhooks, the operator's list of messages, and the demo's mailbox."""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID

from anymail import urls as provider_urls
from anymail.exceptions import AnymailAPIError, AnymailConfigurationError, AnymailImproperlyInstalled
from anymail.signals import tracking
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from portal import mail
from portal.lists import Listing
from portal.mail import reports
from portal.mail.tables import MailboxFilter, MailboxTable, OutboxFilter, OutboxTable
from portal.models import MailboxMessage, OutboxMessage

log = logging.getLogger(__name__)
Callback = Callable[..., HttpResponse]

#: A mail's own page: no script, nothing fetched, and not this portal's origin.
_MAIL_POLICY = "sandbox allow-top-navigation-by-user-activation; default-src 'none'; style-src 'unsafe-inline'"


#: Not offered: mail that comes in, an old alias, and a provider that anymail has dropped.
_UNWANTED = ("inbound", "sendinblue", "sendgrid")


def provider_routes() -> list[URLPattern]:
    """Anymail's delivery webhooks, one per provider: open to the signed-out, since each checks its own signature."""
    tracking.connect(reports.note_report, dispatch_uid="portal.mail.reports")
    wanted = [route for route in provider_urls.urlpatterns if not any(word in str(route.name) for word in _UNWANTED)]
    return [URLPattern(route.pattern, _answered(route.callback), name=route.name) for route in wanted]


def _answered(view: Callback) -> Callback:
    @csrf_exempt
    @login_not_required
    def webhook(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except (AnymailConfigurationError, AnymailImproperlyInstalled) as error:
            log.warning("a webhook of a provider that is not set up: %s", error)
            raise Http404 from error
        except (AnymailAPIError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise BadRequest("not what this provider sends") from error

    return webhook


def _only_operator(request: HttpRequest) -> None:
    if not request.user.is_operator:  # type: ignore[union-attr]
        raise Http404


def _outbox(request: HttpRequest) -> Listing:
    _only_operator(request)
    return Listing(request, OutboxTable, OutboxMessage.objects.all(), OutboxFilter)


@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """Every message with its state, for the operator; strangers to that job get 404."""
    listing = _outbox(request)
    chips = ("state", OutboxMessage.State.choices)
    export_url = f"{reverse('outbox-csv')}?{request.GET.urlencode()}"
    return render(request, "list.html", listing.context(page_title=_("Messages"), chips=chips, export_url=export_url))


@require_safe
def outbox_csv(request: HttpRequest) -> HttpResponse:
    """The same list as CSV."""
    return _outbox(request).csv("messages")


@require_POST
def resend(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Queue a message again that failed."""
    _only_operator(request)
    mail.resend_message(message=get_object_or_404(OutboxMessage, pk=message_id), actor=request.user)
    messages.success(request, _("The message is queued again."))
    return redirect("outbox")


def _only_demo(view: Callback) -> Callback:
    """The mailbox shows everybody's mail: demo mode only, which answers on loopback addresses only."""

    @login_not_required
    @require_safe
    def guarded(request: HttpRequest, **kwargs: object) -> HttpResponse:
        if not settings.IS_DEMO:
            raise Http404
        return view(request, **kwargs)

    return guarded


@_only_demo
def mailbox(request: HttpRequest) -> HttpResponse:
    """Every message that the demo delivered, the latest first."""
    listing = Listing(request, MailboxTable, MailboxMessage.objects.all(), MailboxFilter)
    return render(request, "portal/mailbox.html", listing.context(page_title=_("Mailbox")))


@_only_demo
def mailbox_message(request: HttpRequest, pk: int) -> HttpResponse:
    """One message as plain text, its links to be followed."""
    return render(request, "portal/mailbox_message.html", {"message": get_object_or_404(MailboxMessage, pk=pk)})


@_only_demo
def mailbox_html(request: HttpRequest, pk: int) -> HttpResponse:
    """The same message's HTML as a mail program shows it, in a sandbox."""
    answer = HttpResponse(get_object_or_404(MailboxMessage, pk=pk).html)
    answer["Content-Security-Policy"] = _MAIL_POLICY
    return answer
