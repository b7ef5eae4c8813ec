"""Story 1, in the browser: a newcomer signs in by the persona picker."""

from tests.browser.person import Person


def test_newcomer_signs_in_by_the_persona_picker(somebody, stack) -> None:
    person: Person = somebody()
    person.open("/")
    person.is_at("Sign in")
    person.sees("Sign in as admin-agent@fabrikam.example", "Sign in as global-admin@contoso.example")
    person.press("Sign in as admin-agent@fabrikam.example")
    person.is_at("Fabrikam Cloud")
    person.sign_out()
    person.is_at("Sign in")
