"""ASP.NET route templates."""

import pytest

from local.host.routes import compile_route

GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("api/things", "/api/things", {}),
        ("api/things", "/API/Things/", {}),
        ("api/things", "/api/things/1", None),
        ("api/things/{id}", "/api/things/a%20b", {"id": "a b"}),
        ("api/things/{id}", "/api/things", None),
        ("api/things/{id?}", "/api/things", {}),
        ("api/things/{id:int}", "/api/things/12", {"id": "12"}),
        ("api/things/{id:int}", "/api/things/x", None),
        ("api/things/{id:int}", "/api/things/99999999999", None),
        ("r/{id:guid}", f"/r/{GUID}", {"id": GUID}),
        ("r/{id:guid}", "/r/1", None),
        ("r/{id:guid?}", "/r", {}),
        ("f/{*rest}", "/f/a/b%2Fc", {"rest": "a/b/c"}),
        ("f/{*rest}", "/f", {}),
        ("{name}", "/", None),
        ("{ignored:maxlength(0)?}", "/", {}),
        ("{ignored:maxlength(0)?}", "/x", None),
        ("v/{id:int:maxlength(2)}", "/v/123", None),
        ("", "/", {}),
        ("", "/x", None),
    ],
)
def test_matching(template: str, path: str, expected: dict[str, str] | None) -> None:
    """The route values, decoded, or no match."""
    assert compile_route(template).match(path) == expected


@pytest.mark.parametrize("template", ["a-{id}", "{id:length(3)}", "{id:unknown}", "{"])
def test_unknown_syntax_is_refused(template: str) -> None:
    """Rather an error than a route that matches something else."""
    with pytest.raises(ValueError, match="not"):
        compile_route(template)
