"""The text of an invitation: its own link exactly once, nobody else's, no other links (DOMAIN §3)."""

from __future__ import annotations

import pytest
from django.conf import settings as configured
from hypothesis import given
from hypothesis import strategies as st

from portal import clock, links
from portal.errors import Refused
from portal.models import Tenant, User
from relationships import letters, services, texts
from relationships.models import Invitation
from tests.cast import Cast
from tests.relationships.asking import draft


def edit(cast: Cast, invitation: Invitation, body: str, subject: str = "Our request") -> Invitation:
    return services.edit_draft(invitation=invitation, actor=cast["admin-agent"], subject=subject, body=body)


def test_people_see_the_real_link_and_the_placeholder_is_stored(cast: Cast) -> None:
    invitation = draft(cast)
    seen = texts.shown(invitation)
    assert texts.personal_link(invitation) in seen
    assert Invitation.PLACEHOLDER not in seen
    stored = edit(cast, invitation, seen + "\nRegards")
    assert stored.body.endswith("Regards")
    assert stored.body.count(Invitation.PLACEHOLDER) == 1
    assert texts.personal_link(invitation) not in stored.body


@pytest.mark.parametrize(
    "body", ["{link}", "before {link} after", "({link}).", "<{link}>", "“{link}”", "x{link},\n\n\n\ny"]
)
def test_the_link_may_stand_anywhere(cast: Cast, body: str) -> None:
    invitation = draft(cast)
    stored = edit(cast, invitation, body.format(link=texts.personal_link(invitation)))
    assert stored.body == body.format(link=Invitation.PLACEHOLDER).replace("\n\n\n\n", "\n\n")


def test_a_text_without_its_link_is_refused(cast: Cast) -> None:
    with pytest.raises(Refused, match="is missing") as refused:
        edit(cast, draft(cast), "Hello")
    assert refused.value.field == "body"


def test_a_text_with_its_link_twice_is_refused(cast: Cast) -> None:
    invitation = draft(cast)
    link = texts.personal_link(invitation)
    with pytest.raises(Refused, match="more than once"):
        edit(cast, invitation, f"{link} or {link}")
    with pytest.raises(Refused, match="more than once"):
        edit(cast, invitation, f"{link} or {Invitation.PLACEHOLDER}")


def test_another_invitations_link_is_refused(cast: Cast) -> None:
    mine, other = draft(cast), draft(cast)
    for body in (texts.personal_link(other), f"{texts.personal_link(mine)} {texts.personal_link(other)}"):
        with pytest.raises(Refused, match="another request"):
            edit(cast, mine, body)


def test_a_replaced_or_damaged_link_is_refused(cast: Cast) -> None:
    invitation = draft(cast)
    old = texts.personal_link(invitation)
    invitation = services.replace_link(invitation=invitation, actor=cast["admin-agent"])
    with pytest.raises(Refused, match="replaced"):
        edit(cast, invitation, old)
    link = texts.personal_link(invitation)
    with pytest.raises(Refused, match="was changed"):
        edit(cast, invitation, link[:-1] + ("A" if link[-1] != "A" else "B"))
    with pytest.raises(Refused, match="was changed"):
        edit(cast, invitation, link + "x")


def test_a_retired_key_still_names_the_link(cast: Cast, settings: object) -> None:
    invitation = draft(cast)
    old = texts.personal_link(invitation)
    settings.SECRET_KEY_FALLBACKS = [configured.SECRET_KEY]
    settings.SECRET_KEY = "another key that is long enough to sign with, and not the one of before"
    assert texts.personal_link(invitation) != old
    assert edit(cast, invitation, old).body == Invitation.PLACEHOLDER
    assert links.read(texts.PURPOSE, old.rpartition("/")[2]) == (invitation.pk, 1)


OTHER = [
    "https://evil.example/",
    "http://evil.example:8080/x",
    "evil.example/login",
    "www.evil.example",
    "somebody@evil.example",
    "//evil.example/x",
    "https://fabrikam.example@evil.example/",
    "https://fabrikam.example.evil.example/",
    "https://notfabrikam.example/",
    "ftp://fabrikam.example/x",
    "file://evil/share",
    "http://203.0.113.7/x",
    "203.0.113.7/x",
    "ev\u200bil.example",
    "ｅｖｉｌ.example",
    "evil。example",
    "貿易.tw",
    "https://evil.example/i/00000000000000000000000000000000-1.abc",
]


def test_no_other_links_than_to_verified_domains(cast: Cast) -> None:
    invitation = draft(cast)
    for link in OTHER:
        with pytest.raises(Refused) as refused:
            edit(cast, invitation, f"{texts.personal_link(invitation)} and {link} too")
        assert refused.value.field == "body"
        with pytest.raises(Refused) as refused:
            edit(cast, invitation, texts.personal_link(invitation), subject=f"See {link}")
        assert refused.value.field == "subject"


OWN = [
    "https://fabrikam.example/about",
    "www.fabrikam.example",
    "help@fabrikam.example",
    "https://Support.Fabrikam.example/x?y=1#z",
    "fabrikam.cloud.example",
    "e.g. z.B. v1.2.3 at 10:30.Then",
]


def test_links_to_the_partners_own_domains_stay(cast: Cast) -> None:
    invitation = draft(cast)
    for link in OWN:
        assert link in edit(cast, invitation, f"{texts.personal_link(invitation)} and {link} too").body


def test_an_unverified_domain_counts_for_nothing(cast: Cast) -> None:
    cast.fabrikam.domains.create(name="fabrikam-cloud.example", added_at=clock.now())
    invitation = draft(cast)
    with pytest.raises(Refused, match="verified domains"):
        edit(cast, invitation, f"{texts.personal_link(invitation)} www.fabrikam-cloud.example")


SUBJECTS = ["", "   ", "x" * 201, "a\r\nBcc: b@c.example", "a\nb", "turn\u202eed", "\x00"]


def test_a_subject_is_one_line_of_text(cast: Cast) -> None:
    invitation = draft(cast)
    for subject in SUBJECTS:
        with pytest.raises(Refused):
            edit(cast, invitation, texts.personal_link(invitation), subject=subject)


def test_a_default_text_is_checked_before_it_goes_out(cast: Cast) -> None:
    invitation = draft(cast, customer_name="see evil.example now")
    with pytest.raises(Refused, match=r"evil\.example"):
        services.open_invitation(invitation=invitation, actor=cast["admin-agent"])
    assert Invitation.objects.get().state == "draft"


def test_the_mail_app_is_offered_only_for_short_texts(cast: Cast) -> None:
    invitation = draft(cast)
    assert texts.mailto(invitation).startswith("mailto:global-admin@contoso.example?subject=")
    assert len(texts.mailto(invitation)) < 1_800
    assert "%0D%0A" in texts.mailto(invitation)
    long = edit(cast, invitation, texts.personal_link(invitation) + "貿" * 200)
    assert texts.mailto(long) == ""


@given(st.text(max_size=400))
def test_no_text_breaks_the_check(body: str) -> None:
    """Whatever is typed is either fit to go out or refused with a reason; stored texts hold no link."""
    partner = Tenant(display_name="P", default_domain="p.cloud.example")
    invitation = Invitation(partner=partner, body="", created_by=User())
    try:
        stored = texts.stored(invitation, f"{body}{texts.personal_link(invitation)}")
        letters._check_plain("body", stored, ["p.cloud.example"])
    except Refused:
        return
    assert texts.personal_link(invitation) not in stored


@pytest.mark.parametrize("with_dap", [True, False])
@pytest.mark.parametrize(("language", "follows"), [("en", ". The link"), ("de", ". Der Link"), ("zh-hant", "。此連結")])
def test_sentences_follow_each_other_as_the_language_has_it(
    cast: Cast, language: str, follows: str, with_dap: bool
) -> None:
    body = draft(cast, language=language, with_dap=with_dap, days=9).body
    assert follows in body
    assert "。 " not in body
    assert "  " not in body
