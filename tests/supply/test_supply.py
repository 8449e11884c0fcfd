"""What is shipped may be shipped, is listed with its hashes, and holds nobody's secret."""

import json
import tomllib

import pytest

from tests.ground.test_requirements import pins
from tests.ground.tree import text, tracked
from tests.supply.licences import UNKNOWN, allowed, of_the_product
from tests.supply.sbom import NotValid, bill, check
from tests.supply.secrets import SHAPES, found


def test_every_licence_may_be_shipped() -> None:
    """Each product dependency says its licence, and it is one of the list."""
    rows = list(of_the_product())
    assert len(rows) > 50
    assert [row for row in rows if not allowed(row[2])] == []


@pytest.mark.parametrize(
    ("expression", "fine"),
    [
        ("MIT", True),
        ("Apache-2.0 AND MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only", False),
        ("MIT AND AGPL-3.0-only", False),
        (UNKNOWN, False),
        ("", False),
    ],
)
def test_what_may_not_be_shipped_is_seen(expression: str, fine: bool) -> None:  # noqa: FBT001 - a column
    """Of alternatives one is enough, of several all are needed, and nothing said is nothing allowed."""
    assert allowed(expression) is fine


def test_no_tracked_file_holds_a_secret() -> None:
    """Keys, tokens, connection strings: whatever looks like one was made for somewhere."""
    assert {path: kinds for path in tracked() if (kinds := list(found(text(path))))} == {}


_FORTY = "Ab1+" * 11
PLANTED = {
    "a private key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "a signed token": ".".join(
        ["ey" + "J" + "hbGciOiJSUzI1NiJ9", "ey" + "J" + "zdWIiOiJtZSJ9abc", "c2lnbmF0dXJlLXNpZw"]
    ),
    "a storage key": f"DefaultEndpointsProtocol=https;AccountName=a;Account{'Key='}{_FORTY}",
    "a Service Bus key": f"Endpoint=sb://a;SharedAccessKeyName=r;SharedAccess{'Key='}{_FORTY}=",
    "a shared access signature": f"https://a/b?sv=1&si{'g='}{_FORTY.replace('+', '2')}",
    "an Entra client secret": "Ab38" + "Q~" + "x" * 34,
    "a GitHub token": "g" + "hp_" + "a" * 36,
    "an AWS key": "AK" + "IA" + "A1" * 8,
    "a package index token": "np" + "m_" + "a" * 36,
    "a Slack token": "xo" + "xb-" + "1" * 24,
    "a connection with its password": "amqp://user:" + "hunter2hunter2" + "@bus.example",
}


@pytest.mark.parametrize("kind", SHAPES)
def test_a_planted_secret_is_seen(kind: str) -> None:
    """Each shape turns red on its like, and says the line and not the secret."""
    assert list(found(f"x = 1\n{PLANTED[kind]}\n")) == [f"line 2: {kind}"]


def test_the_bill_names_every_dependency_with_its_hashes() -> None:
    """One component a pin, its hashes and its licence; the graph reaches all of them; twice is the same bytes."""
    written = bill()
    assert written == bill()
    told = json.loads(written)
    locked = pins("requirements.txt")
    for part in told["components"]:
        sums = {one["content"] for reference in part["externalReferences"] for one in reference["hashes"]}
        assert {f"--hash=sha256:{one}" for one in sums} == locked[part["name"]].hashes
        assert part["version"] == locked[part["name"]].version
        assert part["licenses"]
    assert {part["name"] for part in told["components"]} == set(locked)
    needs = {row["ref"]: row.get("dependsOn", []) for row in told["dependencies"]}
    reached, left = set[str](), ["passdesk"]
    while left:
        ref = left.pop()
        left += [other for other in needs[ref] if other not in reached]
        reached.add(ref)
    assert {part["bom-ref"] for part in told["components"]} <= reached


def test_a_bill_that_is_none_is_refused() -> None:
    """The schema is asked: a component without a name is no component."""
    told = json.loads(bill())
    del told["components"][0]["name"]
    with pytest.raises(NotValid):
        check(json.dumps(told))


def test_ruff_looks_for_weaknesses_everywhere() -> None:
    """The security rules (S) are on, and none of them is off for the product."""
    lint = tomllib.loads(text("pyproject.toml"))["tool"]["ruff"]["lint"]
    assert lint["select"] == ["ALL"]
    off = {"all": lint["ignore"], **lint["per-file-ignores"]}
    weak = {
        where: {rule for rule in rules if rule.startswith("S") and rule[1:2].isdigit()} for where, rules in off.items()
    }
    assert {where: rules for where, rules in weak.items() if rules} == {
        "tests/**": {"S101", "S105", "S106", "S107"},
        "local/**": {"S104"},
    }
