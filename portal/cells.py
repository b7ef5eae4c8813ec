"""What stands in the cells of lists: columns that are templates, and the pieces of rows that are written by Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import lru_cache, wraps
from html import escape
from typing import Any

import django_tables2 as tables
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.template.loader import get_template, render_to_string
from django.utils.formats import date_format
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext
from heroicons.templatetags.heroicons import heroicon_micro


class Cell(tables.TemplateColumn):
    """A column from a template, rendered in the page's own context like an include.

    The library's would build a new context, with every context processor, for each cell of the page.
    """

    def render(self, record: Any, table: Any, value: Any, bound_column: Any, **kwargs: Any) -> str:
        values = self.get_context_data(record=record, table=table, value=value, bound_column=bound_column, **kwargs)
        with table.context.push(table=table, **values):
            return _template(self.template_name).render(table.context)


def _template(name: str) -> Any:
    """The engine's compiled template (cached by the loader)."""
    return get_template(name).template


#: Characters of a badge that a narrow column doesn't break in two.
_SHORT = 14


# ── pieces of a written row: what the components of the same names draw ──


def markup(text: str, *values: Any, **named: Any) -> SafeString:
    """`format_html` for what a page writes hundreds of times: that one spends most of its time on lazy texts."""
    return SafeString(
        text.format(*[escaped(value) for value in values], **{name: escaped(value) for name, value in named.items()})
    )


def escaped(value: Any) -> str:
    """What stands for a value in markup."""
    if type(value) is SafeString:
        return value
    return escape(value, quote=True) if type(value) is str else conditional_escape(value)


def per_language(write: Callable[..., Any]) -> Callable[..., Any]:
    """Words that hang on little beside the reader's language are put together once; a page has few different ones."""

    @lru_cache(maxsize=1024)
    def written(_language: str | None, *values: Any) -> Any:
        return write(*values)

    @wraps(write)
    def kept(*values: Any) -> Any:
        return written(get_language(), *values)

    return kept


def button(url: str, label: Any, spoken: Any, variant: str = "") -> SafeString:
    """`c-button`, small, that leads somewhere; `spoken` is heard where the same label stands in many rows."""
    return markup(
        '<a class="button {} small" href="{}" aria-label="{}: {}"><span>{}</span></a>',
        variant,
        url,
        str(label),
        str(spoken),
        str(label),
    )


def badge(tone: str, label: Any) -> SafeString:
    """`c-badge`."""
    return _badge(tone, str(label))


@lru_cache(maxsize=1024)
def _badge(tone: str, label: str) -> SafeString:
    if " " in label and len(label) <= _SHORT:
        tone = f"{tone} whole"
    return markup('<span class="badge {}"><span class="cut">{}</span></span>', tone, label)


def link(url: str, name: Any, sub: Any = "") -> SafeString:
    """A row's name that leads to it, with a second line."""
    return markup('<a href="{}"><strong class="cut">{}</strong></a> <span class="sub cut">{}</span>', url, name, sub)


def tick(form: str, name: str, value: Any, about: Any) -> SafeString:
    """A box that chooses the row for a form of the page; `about` is what the row is called."""
    label = gettext("Choose %(name)s") % {"name": about}
    return markup('<input type="checkbox" name="{}" value="{}" form="{}" aria-label="{}">', name, value, form, label)


@per_language
def privileged() -> SafeString:
    """`c-privileged`."""
    return render_to_string("cotton/privileged.html")


def path(steps: Iterable[Any]) -> SafeString:
    """`c-path` of texts, or of pairs of a text and where it leads (empty: nowhere)."""
    pairs = [step if isinstance(step, tuple) else (step, "") for step in steps]
    linked, plain = '<li><a href="{}"><b class="cut">{}</b></a></li>', '<li><b class="cut">{}</b></li>'
    written = (markup(linked, url, text) if url else markup(plain, text) for text, url in pairs)
    return markup('<ol class="path">{}</ol>', SafeString("".join(written)))


def day(moment: datetime | None) -> SafeString:
    """The date of a moment in the reader's time zone; nothing for None."""
    if moment is None:
        return SafeString("")
    return markup(
        '<time datetime="{}">{}</time>', moment.isoformat(), _written(localtime(moment).date(), get_language())
    )


def ago(moment: datetime | None) -> SafeString:
    """How long ago a moment was; nothing for None."""
    if moment is None:
        return SafeString("")
    return markup('<time datetime="{}">{}</time>', moment.isoformat(), naturaltime(moment))


def arrow(*, is_down: bool) -> SafeString:
    """By which way a list is sorted."""
    return SafeString(heroicon_micro("arrow-down" if is_down else "arrow-up", size=14))


@lru_cache(maxsize=4096)
def _written(when: date, _language: str | None) -> str:
    """A date in a language: the rows of a page have few different ones."""
    return date_format(when, "DATE_FORMAT")
