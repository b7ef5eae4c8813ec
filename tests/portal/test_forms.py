"""Fields that several forms share."""

import pytest
from django import forms
from django.test.html import parse_html

from portal.forms import fields

CHOICES = [("", "Choose"), ("a<b", 'A "quoted" & <b>'), (3, "Three"), ("Asia/Taipei", "Asia/Taipei")]


@pytest.mark.parametrize("value", [None, "", "a<b", "3", 3, "nothing offered"])
def test_a_long_select_says_what_djangos_own_says(value):
    attributes = {"id": "id_zone", "required": True, "disabled": False, "aria-describedby": 'a"b'}
    own = forms.Select(attrs={"class": "wide"}, choices=CHOICES).render("zone", value, attributes)
    ours = fields.LongSelect(attrs={"class": "wide"}, choices=CHOICES).render("zone", value, attributes)
    assert parse_html(ours) == parse_html(own)


def test_time_zones_have_a_place_and_are_in_order():
    zones = [zone for zone, _name in fields.time_zone_choices()]
    assert zones[0] == "UTC"
    assert zones[1:] == sorted(zones[1:])
    assert {"Europe/Berlin", "Asia/Taipei"} <= set(zones)
    assert not [zone for zone in zones[1:] if "/" not in zone or zone.startswith("Etc/")]
