"""Bulk jobs about templates and the move from DAP to GDAP (`portal.jobs`)."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from delegation import catalogue, gdap_move_needs, gdap_templates, services
from delegation.models import GdapRelationship
from delegation.services.gdap_moves import Blocked
from portal import jobs
from portal.catalogue import Capability
from portal.errors import Refused
from portal.jobs import Outcome
from portal.models import Job, JobRow, Pair, User

FOLLOW, REQUEST, GIVE_UP = "gdap.follow_template", "gdap.move_request", "gdap.move_give_up"

_RESULTS: dict[str, Any] = {
    "amended": _("Asked for as the amendment %(name)s."),
    "amended_unsent": _("Asked for as the amendment %(name)s; nobody is known to send it to."),
    "lessened": _("Done at once, without asking: %(roles)s."),
    "lessened_extension": _("Auto-extend was switched at once, without asking."),
    "asked_already": _("An amendment of it is drafted or waits for the customer already."),
    "forbidden": _("The customer approved this without auto-extend. Only the customer can switch it on."),
    "requested": _("Asked for as %(name)s: %(roles)s."),
    "requested_unsent": _("Asked for as %(name)s: %(roles)s. Nobody is known to send it to."),
    "pending": _("A request waits for this customer's answer already."),
    "in_place": _("GDAP is in force with this customer already."),
    "no_dap": _("There is no delegated admin here any more."),
    "no_template": _("The chosen template is not there any more."),
    "given_up": _("Delegated admin was given up; GDAP is in its place."),
    "not_in_force": _("DAP stays: no GDAP is in force with this customer."),
    "not_assigned": _("DAP stays: nobody has roles by GDAP here yet."),
    "left_out": _("DAP stays: people with DAP would be left with nothing (%(count)s)."),
    "loses": _("DAP stays: used in the last 90 days and not allowed by GDAP's roles: %(tasks)s."),
}


def _follow(job: Job, actor: User, row: JobRow) -> Outcome:
    mine = GdapRelationship.objects.filter(partner=job.tenant_id, pk=row.subject).first()
    if mine is None:
        return jobs.refused("gone")
    followed = services.follow_template(relationship=mine, actor=actor)
    if followed.what == "unchanged":
        return jobs.done("unchanged")
    if followed.what == "lessened":
        return _lessened(followed.removed)
    if followed.amendment is None:
        return jobs.refused(followed.what)
    is_sent = _send(job, followed.amendment, actor)
    return jobs.done("amended" if is_sent else "amended_unsent", name=followed.amendment.display_name)


def _lessened(removed: tuple[str, ...]) -> Outcome:
    return jobs.done("lessened", roles=list(removed)) if removed else jobs.done("lessened_extension")


def _send(job: Job, request: GdapRelationship, actor: User) -> bool:
    """Send it where that was chosen; whether it went out, or was not to."""
    if not job.arguments.get("is_sent"):
        return True
    try:
        services.send_request(relationship=request, actor=actor)
    except Refused:
        return False
    return True


def _request(job: Job, actor: User, row: JobRow) -> Outcome:
    pair = _pair(job, row)
    if pair is None:
        return jobs.refused("gone")
    template = str(job.arguments.get("template", ""))
    choice = gdap_templates.choice(job.tenant, template) if template else None
    if template and choice is None:
        return jobs.refused("no_template")
    proposal = gdap_move_needs.from_template(pair, choice) if choice else gdap_move_needs.propose(pair)
    try:
        request = services.request_move(
            pair=pair,
            actor=actor,
            roles=proposal.roles,
            plans=proposal.plans,
            duration_days=int(job.arguments.get("days") or catalogue.MOST_DAYS),
            auto_extend=bool(job.arguments.get("auto_extend")) and gdap_move_needs.may_extend(proposal),
            template_version=choice.version if choice else None,
        )
    except Blocked as blocked:
        return jobs.refused(blocked.code, **blocked.values)
    names = [role.name for role, _reason in proposal.role_rows]
    code = "requested" if _send(job, request, actor) else "requested_unsent"
    return jobs.done(code, name=request.display_name, roles=names)


def _give_up(job: Job, actor: User, row: JobRow) -> Outcome:
    pair = _pair(job, row)
    if pair is None:
        return jobs.refused("gone")
    try:
        grant = services.give_up_for_gdap(pair=pair, actor=actor, reason=str(job.arguments.get("reason", "")))
    except Blocked as blocked:
        return jobs.refused(blocked.code, **blocked.values)
    return jobs.done("given_up" if grant else "unchanged")


def _pair(job: Job, row: JobRow) -> Pair | None:
    rows = Pair.objects.filter(partner=job.tenant_id, pk=row.subject)
    return rows.select_related("partner", "customer").first()


def _told(job: Job) -> str:
    template = gdap_templates.choice(job.tenant, str(job.arguments.get("template", "")))
    return template.name if template else gettext("The smallest roles for what was used")


def _move_url(job: Job, row: JobRow) -> str:
    return reverse("gdap-move", args=[job.tenant.slug, row.subject])


def _relationship_url(job: Job, row: JobRow) -> str:
    return reverse("gdap-relationship", args=[job.tenant.slug, row.subject])


def register() -> None:
    """Make them known."""
    one = jobs.one_by_one
    asks = {"batch": 25, "results": _RESULTS, "url": _move_url, "argument": _told}
    jobs.register(jobs.Kind(REQUEST, _("Ask for GDAP instead of DAP"), Capability.GDAP_REQUEST, one(_request), **asks))
    gives = {"batch": 25, "results": _RESULTS, "url": _move_url}
    label = _("Give up DAP where GDAP is in place")
    jobs.register(jobs.Kind(GIVE_UP, label, Capability.DAP_GIVE_UP, one(_give_up), **gives))
    label = _("Follow the templates")
    follows = {"batch": 25, "results": _RESULTS, "url": _relationship_url}
    jobs.register(jobs.Kind(FOLLOW, label, Capability.GDAP_EXTEND, one(_follow), **follows))
