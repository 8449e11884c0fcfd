"""Style, script and icon: small, ours, readable in light and dark, and nothing of a passcode in them."""

import re

import pytest

from functions.assets import asset, find
from tests.functions.site import Route, Site, headers_of
from tests.functions.test_pages import every_page, text

STYLE = asset("page.css").content.decode()
SCRIPT = asset("page.js").content.decode()
CODE = re.sub(r"(?m)//.*$", "", SCRIPT)


@pytest.fixture
def site(site_routes: tuple[Route, ...]) -> Site:
    """Return the site: static files need no services."""
    return Site(site_routes)


async def test_every_page_finds_its_files(site: Site) -> None:
    """What a page links is there, of its type, and kept: its address changes when it does."""
    for name, page in every_page("Ada").items():
        linked = re.findall(r'(?:src|href)="(/static/[^"]*)"', text(page))
        assert [path.rpartition(".")[2] for path in linked] == ["svg", "css", "js"], name
    for path, kind in zip(linked, ("image/svg+xml", "text/css", "text/javascript"), strict=True):
        answer = await site.get(path)
        assert answer.status_code == 200
        assert answer.mimetype == kind
        assert headers_of(answer)["cache-control"] == "public, max-age=31536000, immutable"
        assert headers_of(answer)["x-content-type-options"] == "nosniff"


async def test_an_older_address_is_served_and_not_kept(site: Site) -> None:
    """During a deployment a page may ask a newer app: it gets the file of now, and does not keep it under that name."""
    answer = await site.get("/static/page.0123456789abcdef.css")
    assert answer.status_code == 200
    assert headers_of(answer)["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "name", ["", "page", "page.py", "frame.py", "..", "page.x.js.map", "..%2fwords.py", "en.json", "page.css.css.css"]
)
async def test_nothing_else_is_a_file(site: Site, name: str) -> None:
    """Only three names are files; a path never is."""
    assert find(name) is None
    if name:
        assert (await site.get(f"/static/{name}")).status_code == 404


def test_the_script_is_small() -> None:
    """One file, under 8 KB, as it is: no build step."""
    assert len(asset("page.js").content) < 8 * 1024


@pytest.mark.parametrize(
    "forbidden",
    [
        "innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "localStorage",
        "sessionStorage", "indexedDB", "document.cookie", "console.", "http:", "https:", "import", "XMLHttpRequest",
        "sendBeacon", "WebSocket", "postMessage", "history.", "title", "setAttribute",
    ],
)  # fmt: skip
def test_the_script_has_no_way_to_let_a_passcode_out(forbidden: str) -> None:
    """It writes no markup, stores nothing, and speaks to no other place."""
    assert forbidden not in CODE


def test_copied_is_said_only_once_it_was() -> None:
    """The promise of the clipboard comes first, and its failure is said too."""
    assert re.search(
        r"writeText\(value\)\.then\(\s*\(\) => say\(said\.copied\),\s*\(\) => say\(said\.copyFailed\)", CODE
    )


def test_the_script_finds_what_it_looks_for() -> None:
    """Each attribute that it reads stands on the page that it serves."""
    looked_for = set(re.findall(r'"\[(data-[a-z-]+)\]"', CODE))
    assert looked_for
    everywhere = "".join(text(page) for page in every_page("Ada").values())
    for attribute in looked_for:
        assert attribute in everywhere, attribute
    for key in set(re.findall(r"said\.(\w+)", CODE)):
        attribute = "data-" + re.sub(r"[A-Z]", lambda m: f"-{m.group(0).lower()}", key)
        assert f"{attribute}=" in everywhere, attribute


def test_the_style_loads_nothing_and_moves_nothing() -> None:
    """No address, no import, no animation; and what is printed holds no passcode."""
    for forbidden in ("url(", "@import", "@font-face", "animation", "transition", "http"):
        assert forbidden not in STYLE, forbidden
    printed = STYLE[STYLE.index("@media print") :]
    assert re.search(r"\.pass \{ display: none !important; \}", printed)


def luminance(colour: str) -> float:
    """Return the relative luminance (WCAG 2.2) of #rrggbb."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio (WCAG 2.2) of two colours."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_are_readable(scheme: int) -> None:
    """Text has 4.5:1 on each ground that it stands on, and borders and marks 3:1 (WCAG 2.2 AA)."""
    blocks = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in STYLE.split(":root {")[1:3]]
    colour = blocks[scheme]
    for ground in ("back", "soft"):
        for ink in ("text", "quiet", "accent", "error"):
            assert contrast(colour[ink], colour[ground]) >= 4.5, (ink, ground)
        assert contrast(colour["line"], colour[ground]) >= 3, ground
    assert contrast(colour["on-accent"], colour["accent"]) >= 4.5
