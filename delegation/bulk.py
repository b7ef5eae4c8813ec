"""The app's kinds of bulk jobs (`portal.jobs`)."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from delegation.services import gdap_bulk
from portal import jobs
from portal.catalogue import Capability
from portal.models import Job, JobRow

EXTEND_ON, EXTEND_OFF, RENEW = "gdap.extend_on", "gdap.extend_off", "gdap.renew"
GIVE_UP_DAP = "dap.give_up"

_RESULTS: dict[str, Any] = {
    "extends": _("Goes on by 180 days at its end, first on %(until)s."),
    "ends": _("Ends on %(until)s."),
    "not_active": _("This can't be done any more or not yet: %(status)s."),
    "full_control": _("Auto-extend can't be combined with %(roles)s. Leave one of the two out."),
    "forbidden": _("The customer approved this without auto-extend. Only the customer can switch it on."),
    "renewal": _("Asked for as %(name)s."),
    "renewal_sent": _("Asked for as %(name)s, and sent."),
    "renewal_unsent": _("Asked for as %(name)s. The portal knows nobody to send it to."),
    "renewal_open": _("A renewal was asked for or drafted already."),
    "dap_given_up": _("Delegated admin was given up. GDAP is in force here."),
    "dap_given_up_bare": _("Delegated admin was given up. No GDAP is in force: nobody of ours can work here now."),
    "no_dap": _("There is no delegated admin here any more."),
}


def _told(job: Job) -> str:
    days = job.arguments.get("days")
    return gettext("for %(days)s days") % {"days": days} if days else gettext("for as long as before")


def _url(job: Job, row: JobRow) -> str:
    return reverse("gdap-relationship", args=[job.tenant.slug, row.subject])


def _customer_url(job: Job, row: JobRow) -> str:
    return reverse("customer", args=[job.tenant.slug, row.subject])


def register() -> None:
    """Make them known."""
    extend = {"capability": Capability.GDAP_EXTEND, "results": _RESULTS, "url": _url}
    jobs.register(jobs.Kind(EXTEND_ON, _("Switch auto-extend on"), run_batch=gdap_bulk.switch_on, **extend))
    jobs.register(jobs.Kind(EXTEND_OFF, _("Switch auto-extend off"), run_batch=gdap_bulk.switch_off, **extend))
    jobs.register(
        jobs.Kind(RENEW, _("Ask for renewals"), run_batch=gdap_bulk.renew, batch=25, argument=_told, **extend)
    )
    label = _("Give up DAP for the chosen customers")
    gives = {"batch": 25, "results": _RESULTS, "url": _customer_url}
    jobs.register(jobs.Kind(GIVE_UP_DAP, label, Capability.DAP_GIVE_UP, gdap_bulk.give_up_dap, **gives))
