"""Columns whose cells are templates."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.template.loader import get_template


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
