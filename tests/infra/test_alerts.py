"""Every alert has its query, its rule and its page; every query asks for what the code writes."""

import re

import pytest

from shared.domain.journal import Event
from shared.domain.reasons import Reason
from shared.domain.requests import ENDS, OUTCOMES, State
from tests.ground.tree import text, tracked
from tests.infra.bicep import Expression, Value
from tests.infra.tree import Infra, texts

FILE = "modules/alerts.bicep"
QUERIES = [path for path in tracked() if path.startswith("docs/kql/") and path.endswith(".kql")]
LOADED = re.compile(r"loadTextContent \( '\.\./\.\./(docs/kql/[a-z-]+\.kql)' \)")
# What we log is read in this form; `name.part` elsewhere in a query is a column or a member.
ASKED = re.compile(r'Message startswith "([a-z_.]+) "|what == "([a-z_.]+)"')


def rows(variable: str) -> dict[str, dict[str, Value]]:
    """Return the rows of a variable of alerts.bicep by their names."""
    return {str(row["name"]): row for row in Infra.load(texts()).table(FILE, variable)}


def loaded(row: dict[str, Value]) -> str:
    """Return the path of the query that a row loads."""
    query = row["query"]
    assert isinstance(query, Expression)
    found = LOADED.search(query.text)
    assert found, query.text
    return found.group(1)


def sections() -> dict[str, str]:
    """Return the runbook's sections about alerts by their headings."""
    page = text("docs/runbook.md")
    alerts = page[page.index("\n# Alerts\n") : page.index("\n# Commands\n")]
    return {part.splitlines()[0]: part for part in alerts.split("\n## ")[1:]}


def test_alerts_queries_and_runbook_are_the_same_ones() -> None:
    """No alert wakes somebody who finds nothing about it, and nothing is written about an alert that is not there."""
    alerts = rows("alerts")
    assert len(alerts) > 6
    assert {loaded(row): name for name, row in alerts.items()} == {f"docs/kql/alert-{n}.kql": n for n in alerts}
    assert alerts.keys() == sections().keys()


def test_every_query_is_deployed() -> None:
    """A query that stands in the folder stands in the workspace too."""
    deployed = [loaded(row) for row in (*rows("alerts").values(), *rows("questions").values())]
    assert sorted(deployed) == sorted(QUERIES)


@pytest.mark.parametrize("name", rows("alerts"))
def test_a_page_says_meaning_first_look_and_mending(name: str) -> None:
    """Whoever is called at night finds the three in this order, and the query itself."""
    page = sections()[name]
    places = [page.index(part) for part in (f"kql/alert-{name}.kql", "**Meaning.**", "**First look.**", "**Mend.**")]
    assert places == sorted(places)


@pytest.mark.parametrize("path", QUERIES)
def test_a_query_asks_for_lines_that_the_code_writes(path: str) -> None:
    """A journal event that is renamed takes its queries along; and each query says what it is for."""
    query = text(path)
    assert query.startswith("// Purpose: ")
    asked = {name for pair in ASKED.findall(query) for name in pair if name}
    assert asked or path.endswith(("foreign-pass.kql", "one-request.kql"))
    assert asked <= {event.value for event in Event}


@pytest.mark.parametrize("path", QUERIES)
def test_a_query_reads_fields_that_the_code_writes(path: str) -> None:
    """What is parsed out of a line is a field that some line of ours has."""
    code = "\n".join(text(p) for p in tracked() if p.startswith(("shared/", "functions/")) and p.endswith(".py"))
    for fields in re.findall(r"parse-kv Message as \(([^)]*)\)", text(path)):
        for name in re.findall(r"(\w+):", fields):
            assert name == "request_id" or re.search(rf"\b{name}=", code), name


@pytest.mark.parametrize("path", QUERIES)
def test_a_query_is_closed(path: str) -> None:
    """Brackets and quotes pair up: nobody here compiles KQL."""
    code = re.sub(r"//[^\n]*", "", text(path))
    assert code.count('"') % 2 == 0
    code = re.sub(r'"[^"\n]*"', "", code)
    for opening, closing in ("()", "[]", "{}"):
        assert code.count(opening) == code.count(closing)


def test_states_and_reasons_in_queries_exist() -> None:
    """The ends that are counted are the ends that there are, with the class that outsiders are told."""
    ends = text("docs/kql/metric-ends.kql")
    listed = re.search(r"state in \(([^)]*)\)\n\| summarize", ends)
    assert listed
    assert set(re.findall(r'"(\w+)"', listed.group(1))) == {state.value for state in ENDS}
    for state in ENDS:
        near = re.search(rf'"{state.value}"[^\n]*"(\w+)",?\n', ends[ends.index("case(") :])
        assert (near.group(1) if near else "failed") == OUTCOMES[state].value
    named = set(re.findall(r'"(not_me_\w+|foreign_\w+)"', "".join(text(path) for path in QUERIES)))
    assert named == {Reason.NOT_ME_RECIPIENT, Reason.NOT_ME_PERSON, Reason.FOREIGN_ACCOUNT}
    assert 'state == "revoked"' in text("docs/kql/alert-revocations.kql")
    assert State.REVOKED.value == "revoked"
