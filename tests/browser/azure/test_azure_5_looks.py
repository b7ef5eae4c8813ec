"""Azure, its looks: axe, both themes, phones, desks, three languages."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.azure.provisioning import provision
from tests.browser.stack import Stack
from tests.browser.test_story_10_looks import MISFITS, OVERFLOW, PHONE

SIZES = {"phone": PHONE, "desk": {"width": 1280, "height": 900}}


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """Paths that the first of these tests makes."""
    return {}


def pages(somebody, stack: Stack, made: dict[str, str]) -> list[str]:
    if not made:
        agent = somebody("admin-agent@fabrikam.example")
        made["scope"] = provision(agent, stack, "northwind", "A subscription for looks")
        agent.press("Create a resource group")
        agent.fill("Name", "web-front-end-of-the-shop")
        agent.fill("Tags", "cost=42\nowner=team")
        agent.press("Create")
        made["group"] = agent.path
        agent.press("Create a resource")
        agent.fill("Name", "vm-1")
        agent.fill("Type", "Microsoft.Compute/virtualMachines")
        agent.press("Create")
        made["resource"] = agent.path
    scope, group, resource = made["scope"], made["group"], made["resource"]
    key = group.rpartition("/")[2]
    return [
        "/t/northwind/azure",
        f"{scope}?open={key}",
        f"{scope}?q=web",
        group,
        resource,
        f"{resource}/access",
        f"{scope}/access",
        f"{scope}/access/new",
        f"{scope}/access/reinstate",
        f"{scope}/import",
        f"{scope}/new",
        f"{resource}/move",
        f"{group}/delete",
        f"{scope}/cancel",
        f"{scope}/service-request",
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(somebody, stack, made, theme) -> None:
    paths = pages(somebody, stack, made)
    reader = somebody("admin-agent@fabrikam.example", color_scheme=theme)
    axe, found = Axe(), []
    for path in paths:
        reader.open(path)
        assert reader.status == 200, path
        for violation in axe.run(reader.page).response["violations"]:
            found.append(f"{path}: {violation['id']}: {[node['html'][:160] for node in violation['nodes'][:3]]}")
    assert found == []


@pytest.mark.parametrize("language", ["en", "de", "zh-hant"])
@pytest.mark.parametrize("size", SIZES)
def test_everything_fits(somebody, stack, made, language, size) -> None:
    paths = pages(somebody, stack, made)
    reader = somebody("admin-agent@fabrikam.example", language=language, viewport=SIZES[size])
    found = []
    for path in paths:
        reader.open(path)
        wide = reader.page.evaluate(OVERFLOW)
        found += [f"{path}: {wide}"] if wide else []
        if size == "desk":
            found += [f"{path}: {misfit}" for misfit in reader.page.evaluate(MISFITS)]
    assert found == []
