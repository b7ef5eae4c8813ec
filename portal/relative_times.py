"""What `naturaltime` says of the past, marked here so that our catalogues can say it better than Django's.

Django's German is "3 Monate her" and "1 Tage her", its Chinese counts months without a measure word; a
project's catalogue comes before Django's own.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop, npgettext_lazy

PAST = gettext_noop("%(delta)s ago")
UNITS = (
    npgettext_lazy("naturaltime-past", "%(num)d year", "%(num)d years", "num"),
    npgettext_lazy("naturaltime-past", "%(num)d month", "%(num)d months", "num"),
    npgettext_lazy("naturaltime-past", "%(num)d week", "%(num)d weeks", "num"),
    npgettext_lazy("naturaltime-past", "%(num)d day", "%(num)d days", "num"),
    npgettext_lazy("naturaltime-past", "%(num)d hour", "%(num)d hours", "num"),
    npgettext_lazy("naturaltime-past", "%(num)d minute", "%(num)d minutes", "num"),
)
