"""Routes of invitations: the partner's pages, the personal link and its answer, the customer's inbox."""

from django.urls import URLPattern, path

from relationships.views import answers, invitations, requests

_OURS = "p/<slug:partner_slug>/invitations"
_ONE = f"{_OURS}/<uuid:invitation_id>"

urlpatterns: list[URLPattern] = [
    path(_OURS, invitations.invitations, name="invitations"),
    path(f"{_OURS}.csv", invitations.export, name="invitations-export"),
    path(f"{_OURS}/new", invitations.new, name="invitation-new"),
    path(_ONE, invitations.invitation, name="invitation"),
    path(f"{_ONE}/options", invitations.options, name="invitation-options"),
    path(f"{_ONE}/message", invitations.message, name="invitation-message"),
    path(f"{_ONE}/deliver", invitations.deliver, name="invitation-deliver"),
    path(f"{_ONE}/open", invitations.open_, name="invitation-open"),
    path(f"{_ONE}/send", invitations.send, name="invitation-send"),
    path(f"{_ONE}/resend", invitations.resend, name="invitation-resend"),
    path(f"{_ONE}/replace-link", invitations.replace_link, name="invitation-replace-link"),
    path(f"{_ONE}/cancel", invitations.cancel, name="invitation-cancel"),
    path("i/<str:token>", answers.open_link, name="invitation-link"),
    path("invitations/<uuid:invitation_id>", answers.answer, name="answer-invitation"),
    path("invitations/<uuid:invitation_id>/accept", answers.accept, name="accept-invitation"),
    path("invitations/<uuid:invitation_id>/decline", answers.decline, name="decline-invitation"),
    path("invitations/<uuid:invitation_id>/forward", answers.forward, name="forward-invitation"),
    path("t/<slug:tenant_slug>/requests", requests.inbox, name="requests"),
    path("t/<slug:tenant_slug>/requests.csv", requests.export, name="requests-export"),
]
