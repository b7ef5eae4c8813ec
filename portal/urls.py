"""Every route. `/p/<partner>/…` a partner's pages, `/t/<tenant>/…` a tenant's pages; one POST route per change."""

from django.urls import URLPattern, URLResolver, include, path

from portal.views import (
    account,
    audit,
    certificates,
    groups,
    health,
    jobs,
    mail,
    my_account,
    organisations,
    people,
    service_requests,
    sessions,
    start,
    why,
)

handler400 = "portal.views.errors.bad_request"
handler403 = "portal.views.errors.forbidden"
handler404 = "portal.views.errors.not_found"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", start.start, name="start"),
    path("healthz", health.healthz, name="healthz"),
    path("language", start.set_language, name="set_language"),
    path("theme", start.set_theme, name="set_theme"),
    # ── sign-in, organisations, personal links (portal/views/sessions.py, organisations.py) ──
    path("sign-in", sessions.sign_in, name="account_login"),  # the name allauth asks for
    path("sign-in", sessions.sign_in, name="sign-in"),
    path("sign-in/persona", sessions.sign_in_as, name="sign-in-as"),
    path("sign-out", sessions.sign_out, name="account_logout"),
    path("sign-out", sessions.sign_out, name="sign-out"),
    path("r/<str:token>", sessions.open_link, {"purpose": "reset"}, name="reset-link"),
    path("w/<str:token>", sessions.open_link, {"purpose": "welcome"}, name="welcome-link"),
    path("c/<str:token>", sessions.open_link, {"purpose": "confirm"}, name="confirm-link"),
    path("o/<str:token>", sessions.open_link, {"purpose": "organisation"}, name="organisation-link"),
    path("reset", sessions.forgot_password, name="forgot-password"),
    path("reset/sent", sessions.forgot_password_sent, name="forgot-password-sent"),
    path("reset/<uuid:link_id>", sessions.reset, name="reset"),
    path("welcome/<uuid:link_id>", sessions.welcome, name="welcome"),
    path("confirm/<uuid:link_id>", sessions.confirm_address, name="confirm-address"),
    path("my-account", my_account.my_account, name="my-account"),
    path("my-account/settings", my_account.change_settings, name="my-settings"),
    path("my-account/password", my_account.change_password, name="my-password"),
    path("my-account/contact-address", my_account.change_contact_address, name="my-contact-address"),
    path("my-account/sessions", my_account.end_other_sessions, name="my-sessions"),
    path("organisations/new", organisations.new_organisation, name="new-organisation"),
    path("organisations/new/sent", organisations.new_organisation_sent, name="new-organisation-sent"),
    path("organisations/new/<uuid:link_id>", organisations.organisation_details, name="organisation-details"),
    path("t/<slug:tenant_slug>/partner-profile", organisations.partner_profile, name="partner-profile"),
    # ── people: account, users, groups (portal/views/people.py, groups.py) ──
    path("t/<slug:tenant_slug>/account", account.account, name="account"),
    path("t/<slug:tenant_slug>/account/notices", account.change_notices, name="account-notices"),
    path("t/<slug:tenant_slug>/users", people.users, name="users"),
    path("t/<slug:tenant_slug>/users.csv", people.users_csv, name="users-csv"),
    path("t/<slug:tenant_slug>/users/invite", people.user_invite, name="user-invite"),
    path("t/<slug:tenant_slug>/users/<uuid:person_id>", people.user, name="user"),
    path("t/<slug:tenant_slug>/users/<uuid:person_id>/edit", people.user_edit, name="user-edit"),
    path("t/<slug:tenant_slug>/users/<uuid:person_id>/block", people.user_block, name="user-block"),
    path("t/<slug:tenant_slug>/users/<uuid:person_id>/unblock", people.user_unblock, name="user-unblock"),
    path("t/<slug:tenant_slug>/users/<uuid:person_id>/reset", people.user_reset, name="user-reset"),
    path("t/<slug:tenant_slug>/users/<uuid:person_id>/welcome", people.user_welcome, name="user-welcome"),
    path("t/<slug:tenant_slug>/users/<uuid:person_id>/delete", people.user_delete, name="user-delete"),
    path("t/<slug:tenant_slug>/users/<uuid:person_id>/roles", people.user_roles, name="user-roles"),
    path(
        "t/<slug:tenant_slug>/users/<uuid:person_id>/roles/<uuid:assignment_id>/remove",
        people.user_role_remove,
        name="user-role-remove",
    ),
    path("t/<slug:tenant_slug>/groups", groups.groups, name="groups"),
    path("t/<slug:tenant_slug>/groups.csv", groups.groups_csv, name="groups-csv"),
    path("t/<slug:tenant_slug>/groups/new", groups.group_new, name="group-new"),
    path("t/<slug:tenant_slug>/groups/<uuid:group_uid>", groups.group, name="group"),
    path("t/<slug:tenant_slug>/groups/<uuid:group_uid>.csv", groups.group_csv, name="group-csv"),
    path("t/<slug:tenant_slug>/groups/<uuid:group_uid>/rename", groups.group_rename, name="group-rename"),
    path("t/<slug:tenant_slug>/groups/<uuid:group_uid>/delete", groups.group_delete, name="group-delete"),
    path("t/<slug:tenant_slug>/groups/<uuid:group_uid>/add", groups.group_add, name="group-add"),
    path("t/<slug:tenant_slug>/groups/<uuid:group_uid>/remove", groups.group_remove, name="group-remove"),
    # ── service requests (portal/views/service_requests.py) ──
    path("t/<slug:tenant_slug>/service-requests", service_requests.service_requests, name="service-requests"),
    path(
        "t/<slug:tenant_slug>/service-requests.csv",
        service_requests.service_requests_csv,
        name="service-requests-csv",
    ),
    path(
        "t/<slug:tenant_slug>/service-requests/new",
        service_requests.service_request_new,
        name="service-request-new",
    ),
    path(
        "t/<slug:tenant_slug>/service-requests/<uuid:request_id>",
        service_requests.service_request,
        name="service-request",
    ),
    path(
        "t/<slug:tenant_slug>/service-requests/<uuid:request_id>/comment",
        service_requests.service_request_comment,
        name="service-request-comment",
    ),
    *(
        path(
            f"t/<slug:tenant_slug>/service-requests/<uuid:request_id>/{move}",
            service_requests.service_request_move,
            {"move": move},
            name=f"service-request-{move}",
        )
        for move in ("start", "resolve", "close", "reopen")
    ),
    # ── bulk jobs (portal/views/jobs.py) ──
    path("p/<slug:partner_slug>/jobs", jobs.listing, name="jobs"),
    path("p/<slug:partner_slug>/jobs/<uuid:job_id>", jobs.job, name="job"),
    path("p/<slug:partner_slug>/jobs/<uuid:job_id>.csv", jobs.rows_csv, name="job-csv"),
    path("p/<slug:partner_slug>/jobs/<uuid:job_id>/cancel", jobs.cancel, name="job-cancel"),
    path("p/<slug:partner_slug>/jobs/<uuid:job_id>/resume", jobs.resume, name="job-resume"),
    path("p/<slug:partner_slug>/jobs/<uuid:job_id>/run-again", jobs.rerun, name="job-rerun"),
    # ── why (portal/views/why.py) ──
    path("t/<slug:tenant_slug>/why", why.tenant_why, name="why"),
    path("p/<slug:partner_slug>/why", why.partner_why, name="partner-why"),
    # ── audit log (portal/views/audit.py) ──
    path("t/<slug:tenant_slug>/audit-log", audit.audit_log, name="audit-log"),
    path("t/<slug:tenant_slug>/audit-log.csv", audit.audit_log_csv, name="audit-log-csv"),
    path("t/<slug:tenant_slug>/audit-log.jsonl", audit.audit_log_lines, name="audit-log-lines"),
    path("t/<slug:tenant_slug>/audit-log/head.json", audit.audit_log_head, name="audit-log-head"),
    # ── certificates (portal/views/certificates.py) ──
    path("t/<slug:tenant_slug>/certificates", certificates.certificates, name="certificates"),
    path("t/<slug:tenant_slug>/certificates.csv", certificates.certificates_csv, name="certificates-csv"),
    path("t/<slug:tenant_slug>/certificates/<uuid:certificate_id>.pdf", certificates.pdf, name="certificate-pdf"),
    path("t/<slug:tenant_slug>/certificates/<uuid:certificate_id>.json", certificates.signed, name="certificate-json"),
    # ── mail: mailbox, provider webhooks (portal/views/mail.py) ──
    path("webhooks/", include((mail.provider_routes(), "anymail"))),
    path("mailbox", mail.mailbox, name="mailbox"),
    path("mailbox/<int:pk>", mail.mailbox_message, name="mailbox-message"),
    path("mailbox/<int:pk>/html", mail.mailbox_html, name="mailbox-html"),
    path("operator/messages", mail.outbox, name="outbox"),
    path("operator/messages.csv", mail.outbox_csv, name="outbox-csv"),
    path("operator/messages/<uuid:message_id>/send-again", mail.resend, name="outbox-resend"),
    path("", include("relationships.urls")),
    path("", include("delegation.urls")),
]
