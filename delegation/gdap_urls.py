"""Routes of GDAP: the partner's *Admin relationships*, the customer's answers."""

from django.urls import URLPattern, path

from delegation.views import (
    gdap_analytics,
    gdap_answers,
    gdap_assignments,
    gdap_customer,
    gdap_deliver,
    gdap_endings,
    gdap_expiring,
    gdap_inbox,
    gdap_list,
    gdap_relationship,
    gdap_request,
    gdap_resellers,
)

_ASKED = "admin-requests/<uuid:gdap_id>"
_THEIRS = "t/<slug:tenant_slug>/partner-relationships/<uuid:pair_id>/roles/<uuid:gdap_id>"
_OURS = "p/<slug:partner_slug>/admin-relationships"
_ONE = f"{_OURS}/<uuid:gdap_id>"

urlpatterns: list[URLPattern] = [
    path(_THEIRS, gdap_customer.relationship, name="customer-gdap"),
    path(f"{_THEIRS}/auto-extend", gdap_customer.auto_extend, name="customer-gdap-auto-extend"),
    path(f"{_THEIRS}/remove", gdap_customer.remove, name="customer-gdap-remove"),
    path("t/<slug:tenant_slug>/requests/roles", gdap_inbox.inbox, name="requests-gdap"),
    path("t/<slug:tenant_slug>/requests/roles.csv", gdap_inbox.export, name="requests-gdap-export"),
    path("g/<str:token>", gdap_answers.open_link, name="gdap-link"),
    path(_ASKED, gdap_answers.answer, name="answer-gdap"),
    path(f"{_ASKED}/approve", gdap_answers.approve, name="approve-gdap"),
    path(f"{_ASKED}/decline", gdap_answers.decline, name="decline-gdap"),
    path(f"{_ASKED}/counter-offer", gdap_answers.counter_offer, name="counter-offer-gdap"),
    path(f"{_ASKED}/counter-offer/withdraw", gdap_answers.withdraw_counter_offer, name="withdraw-counter-offer-gdap"),
    path(f"{_ASKED}/forward", gdap_answers.forward, name="forward-gdap"),
    path(_OURS, gdap_list.listing, name="gdap-list"),
    path(f"{_OURS}.csv", gdap_list.export, name="gdap-export"),
    path(_ONE, gdap_relationship.relationship, name="gdap-relationship"),
    path(f"{_ONE}/auto-extend", gdap_relationship.set_auto_extend, name="gdap-auto-extend"),
    path(f"{_ONE}/amend", gdap_relationship.amend, name="gdap-amend"),
    path(
        f"{_ONE}/counter-offers/<uuid:offer_id>/accept",
        gdap_relationship.accept_counter_offer,
        name="gdap-accept-counter-offer",
    ),
    path(f"{_ONE}/remove-roles", gdap_endings.remove_roles, name="gdap-remove-roles"),
    path(f"{_ONE}/terminate", gdap_endings.terminate, name="gdap-terminate"),
    path(f"{_ONE}/groups/new", gdap_assignments.new, name="gdap-assignment-new"),
    path(f"{_ONE}/groups/<uuid:gdap_assignment_id>", gdap_assignments.edit, name="gdap-assignment-edit"),
    path(f"{_ONE}/groups/<uuid:gdap_assignment_id>/remove", gdap_assignments.remove, name="gdap-assignment-remove"),
    path(f"{_OURS}/new", gdap_request.new, name="gdap-new"),
    path(f"{_OURS}/new/name", gdap_request.name_check, name="gdap-name-check"),
    path(f"{_OURS}/new/customers", gdap_request.customers, name="gdap-customers"),
    path(f"{_ONE}/options", gdap_request.options, name="gdap-options"),
    path(f"{_ONE}/message", gdap_deliver.message, name="gdap-message"),
    path(f"{_ONE}/deliver", gdap_deliver.deliver, name="gdap-deliver"),
    path(f"{_ONE}/lock", gdap_deliver.lock, name="gdap-lock"),
    path(f"{_ONE}/send", gdap_deliver.send, name="gdap-send"),
    path(f"{_ONE}/resend", gdap_deliver.resend, name="gdap-resend"),
    path(f"{_ONE}/replace-link", gdap_deliver.replace_link, name="gdap-replace-link"),
    path(f"{_ONE}/withdraw", gdap_deliver.withdraw, name="gdap-withdraw"),
    path(f"{_ONE}/delete", gdap_deliver.delete, name="gdap-delete"),
    # ── what providers ask through us ──
    path(f"{_OURS}/for-customers", gdap_resellers.listing, name="gdap-for-customers"),
    path(f"{_OURS}/for-customers.csv", gdap_resellers.export, name="gdap-for-customers-export"),
    path(f"{_OURS}/for-customers/<uuid:gdap_id>", gdap_resellers.for_customer, name="gdap-for-customer"),
    path(f"{_OURS}/for-customers/<uuid:gdap_id>/approve", gdap_resellers.approve, name="gdap-for-customer-approve"),
    path(f"{_OURS}/for-customers/<uuid:gdap_id>/reject", gdap_resellers.reject, name="gdap-for-customer-reject"),
    # ── what ends when ──
    path(f"{_OURS}/expiring", gdap_expiring.expiring, name="gdap-expiring"),
    path(f"{_OURS}/expiring.csv", gdap_expiring.export, name="gdap-expiring-export"),
    path(f"{_OURS}/expiring/change", gdap_expiring.change, name="gdap-expiring-change"),
    path(f"{_OURS}/analytics", gdap_analytics.analytics, name="gdap-analytics"),
    path(f"{_OURS}/analytics/<slug:chart>.csv", gdap_analytics.export, name="gdap-analytics-csv"),
]
