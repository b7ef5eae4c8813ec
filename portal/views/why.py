"""*Why can they?* and *Why can't I?*: a person, an action, an object, and the decision with reasons (DOMAIN §14)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.views.acting import place
from portal.why import explain
from portal.why_choices import Choices, unfit

_MOST_WORDS = 200


@require_safe
def tenant_why(request: HttpRequest) -> HttpResponse:
    """In a tenant: its own people and those of its partners; on behalf the own partner's."""
    return _answer(request, is_partner_side=False)


@require_safe
def partner_why(request: HttpRequest) -> HttpResponse:
    """For the partner: its own people, also at its customers."""
    return _answer(request, is_partner_side=True)


def _answer(request: HttpRequest, *, is_partner_side: bool) -> HttpResponse:
    here = place(request)
    choices = Choices(here.user, here.tenant, here.rights, is_partner_side)
    asked = {name: request.GET.get(name, "")[:_MOST_WORDS] for name in ("person", "who", "action", "object", "what")}
    part = request.GET.get("part", "")
    if part in ("who", "what"):  # the hits of a finder, while one types
        return render(request, "portal/_why_hits.html", _hits(choices, asked, part))
    problems, told, person = _told(choices, asked)
    context = {
        "title": _("Why can they?") if choices.may_ask_about_others else _("Why can't I?"),
        "is_about_others": choices.may_ask_about_others,
        "asked": asked,
        "problems": problems,
        "told": told,
        "person": person,
        "parts": choices.actions(),
        "people": _hits(choices, asked, "who"),
        "things": _hits(choices, asked, "what"),
    }
    return render(request, "portal/why.html", context, status=400 if problems else 200)


def _hits(choices: Choices, asked: dict[str, str], part: str) -> dict[str, Any]:
    if part == "who":
        chosen = choices.person(asked["person"], asked["who"])
        hits = choices.person_hits(asked["who"], chosen) if choices.may_ask_about_others else []
        return {"name": "person", "hits": hits, "words": asked["who"]}
    return {"name": "object", "hits": choices.object_hits(asked["what"], asked["object"]), "words": asked["what"]}


def _told(choices: Choices, asked: dict[str, str]) -> tuple[list[str], Any, Any]:
    """What was wrong with the question, or its answer; neither before anything was asked."""
    person = choices.person(asked["person"], asked["who"])
    obj, capability = choices.object(asked["object"]), choices.action(asked["action"])
    problems = []
    if person is None:
        problems.append(_("There is no such person whom you may ask about."))
    if asked["action"] and capability is None:
        problems.append(_("There is no such action."))
    if obj is None:
        problems.append(_("There is nothing of that kind that you may ask about."))
    if capability is not None and obj is not None and (text := unfit(capability, obj)):
        problems.append(text)
    if problems or person is None or capability is None:
        return problems, None, person
    return [], explain(person, capability, obj, reader=choices.reader), person
