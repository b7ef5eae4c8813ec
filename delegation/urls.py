"""Routes of *Customers* (the partner's side), *Partner relationships* (the customer's), and GDAP's."""

from django.urls import URLPattern, path

from delegation import azure_urls, explorer_urls, gdap_move_urls, gdap_template_urls, gdap_urls
from delegation.views import clean_exit, customers, partner_relationships

urlpatterns: list[URLPattern] = [
    path("p/<slug:partner_slug>/customers", customers.customers, name="customers"),
    path("p/<slug:partner_slug>/customers.csv", customers.export, name="customers-export"),
    path("p/<slug:partner_slug>/customers/<uuid:pair_id>", customers.customer, name="customer"),
    path(
        "p/<slug:partner_slug>/customers/<uuid:pair_id>/services", customers.customer_services, name="customer-services"
    ),
    path("p/<slug:partner_slug>/customers/<uuid:pair_id>/groups", customers.limit_groups, name="customer-limit-groups"),
    path("p/<slug:partner_slug>/customers/<uuid:pair_id>/give-up-dap", customers.give_up, name="customer-give-up-dap"),
    path(
        "p/<slug:partner_slug>/customers/<uuid:pair_id>/relationships/<uuid:relationship_id>/end",
        customers.end_relationship,
        name="relationship-end",
    ),
    path(
        "t/<slug:tenant_slug>/partner-relationships",
        partner_relationships.partner_relationships,
        name="partner-relationships",
    ),
    path(
        "t/<slug:tenant_slug>/partner-relationships.csv",
        partner_relationships.export,
        name="partner-relationships-export",
    ),
    path(
        "t/<slug:tenant_slug>/partner-relationships/<uuid:pair_id>",
        partner_relationships.partner_relationships,
        name="partner-relationship",
    ),
    path(
        "t/<slug:tenant_slug>/partner-relationships/<uuid:pair_id>/remove-dap",
        partner_relationships.remove_dap,
        name="partner-remove-dap",
    ),
    path(
        "t/<slug:tenant_slug>/partner-relationships/<uuid:pair_id>/consent",
        partner_relationships.give_consent,
        name="partner-give-consent",
    ),
    path(
        "t/<slug:tenant_slug>/partner-relationships/<uuid:pair_id>/block",
        partner_relationships.block,
        name="partner-block",
    ),
    path(
        "t/<slug:tenant_slug>/partner-relationships/<uuid:pair_id>/unblock",
        partner_relationships.unblock,
        name="partner-unblock",
    ),
    path("t/<slug:tenant_slug>/partner-relationships/<uuid:pair_id>/clean-exit", clean_exit.page, name="clean-exit"),
    path(
        "t/<slug:tenant_slug>/partner-relationships/<uuid:pair_id>/clean-exit/<uuid:certificate_id>",
        clean_exit.done,
        name="clean-exit-done",
    ),
    *azure_urls.urlpatterns,
    *explorer_urls.urlpatterns,
    *gdap_template_urls.urlpatterns,
    *gdap_move_urls.urlpatterns,
    *gdap_urls.urlpatterns,
]
