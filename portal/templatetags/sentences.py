"""`{% gap %}`: what stands between two sentences in the reader's language."""

from __future__ import annotations

from django import template

from portal import sentences

register = template.Library()
register.simple_tag(sentences.gap, name="gap")
