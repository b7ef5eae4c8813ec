"""Story 10: languages, themes, phones, the keyboard; no page that axe has anything against."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.pages import main_pages, pair

PHONE = {"width": 360, "height": 740}
#: How far a page reaches to the right of the window, and what sticks out furthest.
OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return "";
  const wide = [...document.body.querySelectorAll("*")]
    .map((element) => [element.getBoundingClientRect().right, element])
    .filter(([right, element]) => right > width && !element.closest(".scroll, table"))
    .sort((one, other) => other[0] - one[0])
    .map(([right, element]) => `${Math.round(right)} ${element.outerHTML.slice(0, 120)}`);
  return `${document.documentElement.scrollWidth} > ${width}: ${wide[0] ?? "?"}`;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_main_page(somebody, stack, theme) -> None:
    axe = Axe()
    found = []
    for persona, paths in main_pages(stack).items():
        reader = somebody(persona, color_scheme=theme)
        for path in paths:
            reader.open(path)
            for violation in axe.run(reader.page).response["violations"]:
                nodes = [node["html"][:160] for node in violation["nodes"][:3]]
                found.append(f"{path} as {persona or 'nobody'}: {violation['id']}: {nodes}")
    assert found == []


@pytest.mark.parametrize("language", ["en", "de", "zh-hant"])
def test_nothing_sticks_out_on_a_phone(somebody, stack, language) -> None:
    found = []
    for persona, paths in main_pages(stack).items():
        reader = somebody(persona, language=language, viewport=PHONE, has_touch=True)
        for path in paths:
            reader.open(path)
            wide = reader.page.evaluate(OVERFLOW)
            if wide:
                found.append(f"{path} as {persona or 'nobody'}: {wide}")
    assert found == []


#: What doesn't fit at a desk: a table that scrolls, a name in the navigation on two lines, a hint that is cut.
MISFITS = """() => {
  const found = [];
  for (const box of document.querySelectorAll(".scroll"))
    if (box.scrollWidth > box.clientWidth) found.push(`${box.getAttribute("aria-label")}: ${box.scrollWidth}`);
  for (const name of document.querySelectorAll(".side .item .cut"))
    if (name.offsetHeight > 1.9 * parseFloat(getComputedStyle(name).lineHeight)) found.push(name.textContent);
  const pen = document.createElement("canvas").getContext("2d");
  for (const field of document.querySelectorAll("input[placeholder]")) {
    const style = getComputedStyle(field);
    pen.font = `${style.fontSize} ${style.fontFamily}`;
    const room = field.clientWidth - parseFloat(style.paddingInlineStart) - parseFloat(style.paddingInlineEnd);
    if (pen.measureText(field.placeholder).width > room) found.push(field.placeholder);
  }
  for (const button of document.querySelectorAll(".stack > .button, .stack > .action"))
    if (button.offsetWidth === button.parentElement.clientWidth) found.push(button.textContent.trim());
  return found;
}"""


@pytest.mark.parametrize("language", ["en", "de", "zh-hant"])
@pytest.mark.parametrize("width", [1200, 1280])
def test_everything_fits_at_a_desk(somebody, stack, language, width) -> None:
    found = []
    for persona, paths in main_pages(stack).items():
        reader = somebody(persona, language=language, viewport={"width": width, "height": 900})
        for path in paths:
            reader.open(path)
            found += [f"{path} as {persona or 'nobody'}: {misfit}" for misfit in reader.page.evaluate(MISFITS)]
    assert found == []


def test_menu_of_a_phone_opens_every_page(somebody) -> None:
    agent = somebody("admin-agent@fabrikam.example", viewport=PHONE, has_touch=True)
    agent.press("Menu")
    agent.follow("Customers")
    agent.is_at("Customers")


#: What the reference documents call things (DOMAIN §17).
NAMES = {
    "de": ("Vertriebspartnerbeziehung anfordern", "Partnerbeziehungen", "Delegierten Administrator entfernen"),
    "zh-hant": ("要求建立轉銷商關係", "合作夥伴關係", "移除委派的管理"),
}


@pytest.mark.parametrize("language", NAMES)
def test_pages_and_buttons_are_named_as_in_the_reference(somebody, stack, language) -> None:
    request, relationships, remove = NAMES[language]
    agent = somebody("admin-agent@fabrikam.example", language=language)
    agent.open("/p/fabrikam/customers")
    agent.press(request)
    agent.is_at(request)
    admin = somebody("global-admin@wingtip.example", language=language)
    admin.follow(relationships)
    admin.is_at(relationships)
    admin.open(f"/t/wingtip/partner-relationships/{pair(stack, 'fabrikam', 'wingtip')}")
    admin.press(remove)
    admin.is_at(remove)


def test_chosen_theme_and_language_stay_with_the_person(somebody) -> None:
    reader = somebody("billing-admin@northwind.example", language="zh-hant")
    reader.page.locator("details.menu").filter(has=reader.page.locator("button[name=theme]")).locator("summary").click()
    reader.page.locator("button[name=theme][value=dark]").click()
    expect(reader.page.locator("html")).to_have_attribute("data-theme", "dark")
    elsewhere = somebody()
    elsewhere.open("/sign-in")
    elsewhere.press("Sign in as billing-admin@northwind.example")
    expect(elsewhere.page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(elsewhere.page.locator("html")).to_have_attribute("lang", "zh-hant")


FOCUSED = """() => {
  const element = document.activeElement;
  if (element === document.body) return ["", true];
  const name = element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent;
  const style = getComputedStyle(element);
  return [name.replace(/\\s+/g, " ").trim(), style.outlineStyle !== "none" || style.boxShadow !== "none"];
}"""


def tab_to(reader, name: str) -> None:
    """Press Tab until this has the focus; on the way every stop can be seen to have it."""
    for _press in range(150):
        reader.page.keyboard.press("Tab")
        focused, is_visible = reader.page.evaluate(FOCUSED)
        assert is_visible, f"the focus on {focused!r} can't be seen"
        if focused == name:
            return
    raise AssertionError(f"Tab never comes to {name!r} on {reader.path}")


def test_keyboard_alone_removes_delegated_admin(somebody) -> None:
    somebody("global-admin@wingtip.example")  # whose language is English from now on
    admin = somebody()
    admin.open("/sign-in")
    keys = admin.page.keyboard
    tab_to(admin, "Sign in as global-admin@wingtip.example")
    keys.press("Enter")
    admin.is_at("Wingtip IT")
    tab_to(admin, "Skip to content")
    keys.press("Enter")
    expect(admin.page.locator("main")).to_be_focused()
    admin.open("/t/wingtip/partner-relationships")
    tab_to(admin, "Fabrikam Cloud")
    keys.press("Enter")
    admin.sees("What they can do here")
    tab_to(admin, "Remove delegated admin")
    keys.press("Enter")
    admin.is_at("Remove delegated admin")
    tab_to(admin, "Remove")
    keys.press("Enter")
    admin.sees("Nothing: they hold no role in your tenant.")


def test_keyboard_alone_expands_a_customer_and_opens_a_menu(somebody) -> None:
    agent = somebody("admin-agent@fabrikam.example")
    agent.open("/p/fabrikam/customers?q=contoso")
    keys = agent.page.keyboard
    tab_to(agent, "Services of Contoso GmbH")
    keys.press("Enter")
    agent.sees("About this relationship")
    expect(agent.page.get_by_role("link", name="Services of Contoso GmbH")).to_have_attribute("aria-expanded", "true")
    agent.page.get_by_role("link", name="Services of Contoso GmbH").focus()
    keys.press("Enter")
    agent.doesnt_see("About this relationship")
    agent.page.locator("summary", has_text="Account menu").focus()
    keys.press("Enter")
    expect(agent.page.get_by_role("button", name="Sign out")).to_be_visible()
    keys.press("Escape")
    expect(agent.page.get_by_role("button", name="Sign out")).to_be_hidden()
