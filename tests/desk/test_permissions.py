"""Rights held against calls: what is never needed, what is more than needed, and what is lacking is found."""

from itertools import permutations
from pathlib import Path

import pytest

from local import permissions_page
from local.bus.administration import OPERATION
from local.bus.management import _OPERATIONS as MANAGEMENT
from local.calls import RECORD, Called, Calls, read, stage_folder
from local.directory.operations import TABLE as DIRECTORY
from local.ledger.rest import Call
from local.permissions import BUS, GRAPH, TABLES, VAULT, least
from local.permissions_page import Right, findings, page
from local.rights import Identity
from local.vault.wire import OPERATIONS

WHO = Identity(
    name="who",
    graph=frozenset({"UserAuthMethod-TAP.ReadWrite.All"}),
    vault=frozenset({"secrets/delete"}),
    tables={"rows": "write"},
    queues={"in": frozenset({"receive"})},
)


def called(service: str, operation: str, by: str, on: str = "") -> Called:
    """Return a call that was let through."""
    return Called("who", service, operation, on, (by,), allowed=True)


NEEDED = (
    called("graph", "tap.create", "UserAuthMethod-TAP.ReadWrite.All"),
    called("vault", "delete", "secrets/delete"),
    called("tables", "insert", "write", "rows"),
    called("bus", "receive", "receive", "in"),
)


def test_every_operation_of_every_stand_in_has_its_permission() -> None:
    """The tables of operations and the table of permissions know the same."""
    shown = {"users.properties", "users.sign-in-activity", "groups.properties", "roles.properties", "batch"}
    assert {operation.right for operation in DIRECTORY} | shown == GRAPH.keys()
    assert set(OPERATIONS) == VAULT.keys()
    assert set(Call) == TABLES.keys()
    links = {"attach sender", "attach receiver", "attach management", "send", "receive"}
    assert MANAGEMENT.keys() | links | {OPERATION} == BUS.keys()


def test_the_first_alternative_that_is_held_is_the_least() -> None:
    """Of two rights that are held the smaller one is named; a set counts only whole."""
    assert least({"UserAuthMethod-TAP.ReadWrite.All", "UserAuthMethod-TAP.Read.All"}, GRAPH["tap.list"]) == frozenset(
        {"UserAuthMethod-TAP.Read.All"}
    )
    assert least({"GroupMember.Read.All"}, GRAPH["groups.check"]) is None


def test_rights_that_are_all_needed_are_no_finding() -> None:
    """Each right has a call that nothing smaller allows."""
    assert list(findings(NEEDED, (WHO,))) == []


@pytest.mark.parametrize("missing", range(len(NEEDED)))
def test_a_right_that_is_never_needed_is_found(missing: int) -> None:
    """Without the one call that needs it, each right is superfluous, and no other is."""
    some = [c for i, c in enumerate(NEEDED) if i != missing]
    (found,) = findings(some, (WHO,))
    assert NEEDED[missing].by[0] in found
    assert found.endswith("never needed it")


def test_opening_a_link_is_no_need() -> None:
    """A trigger that listens and never gets anything does not show that it must receive."""
    some = [*NEEDED[:3], called("bus", "attach receiver", "receive", "in")]
    assert any("receive on in" in found for found in findings(some, (WHO,)))


def test_a_right_that_is_more_than_its_calls_need_is_found() -> None:
    """Who only lists passes needs no right to make them; who only reads rows needs none to write them."""
    some = [
        called("graph", "tap.list", "UserAuthMethod-TAP.ReadWrite.All"),
        NEEDED[1],
        called("tables", "query", "write", "rows"),
        NEEDED[3],
    ]
    passes, rows = findings(some, (WHO,))
    assert passes.endswith("where less would do: UserAuthMethod-TAP.Read.All")
    assert rows.endswith("where less would do: read")


def test_a_call_without_a_right_is_found() -> None:
    """Whatever was refused for want of a right is said, unless somebody else called."""
    refused = Called("who", "vault", "purge", "", (), allowed=False)
    stranger = Called("auditor", "vault", "purge", "", (), allowed=False)
    assert list(findings([*NEEDED, refused, stranger], (WHO,))) == ["who called purge (vault) without a right to it"]


def test_a_right_is_kept_by_a_reason_that_still_holds() -> None:
    """A kept right is no finding and its reason is on the page; one that is needed, or not held, is a finding."""
    delete, other = Right("who", "vault", "", "secrets/delete"), Right("who", "vault", "", "secrets/purge/action")
    some = [NEEDED[0], *NEEDED[2:]]
    assert list(findings(some, (WHO,), {delete: "by hand only"})) == []
    assert "| `secrets/delete` |  | by hand only |" in page(some, (WHO,), {delete: "by hand only"})
    assert ["no place among the kept" in f for f in findings(NEEDED, (WHO,), {delete: "x"})] == [True]
    assert ["kept, but not held" in f for f in findings(NEEDED, (WHO,), {other: "x"})] == [True]


def test_the_page_is_the_same_whatever_came_first() -> None:
    """Neither the order nor the number of calls shows on the page."""
    assert len({page([*order, *order], (WHO,)) for order in permutations(NEEDED)}) == 1


def test_many_processes_write_and_one_reads(tmp_path: Path) -> None:
    """Each desk writes a file of its own, each kind of call once; reading puts them together."""
    for desk in (Calls(tmp_path / "tests"), Calls(tmp_path / "tests"), Calls(tmp_path / "demo")):
        for _ in range(3):
            desk.note("who", "vault", "delete", frozenset({"secrets/delete"}))
            desk.note("who", "tables", "insert", None, "rows")
    files = list(tmp_path.glob("*/*.jsonl"))
    assert [len(file.read_text().splitlines()) for file in files] == [2, 2, 2]
    assert read([tmp_path / "tests", tmp_path / "demo"]) == {
        NEEDED[1],
        Called("who", "tables", "insert", "rows", (), allowed=False),
    }


def test_only_a_stage_that_is_told_to_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the environment's word nothing is written."""
    monkeypatch.delenv(RECORD, raising=False)
    assert stage_folder() is None
    monkeypatch.setenv(RECORD, str(tmp_path))
    assert stage_folder() == tmp_path


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a place of its own for the page and the recordings, which hold all that WHO needs."""
    monkeypatch.setattr(permissions_page, "RECORDED", tmp_path / "calls")
    monkeypatch.setattr(permissions_page, "PAGE", tmp_path / "permissions.md")
    monkeypatch.setattr(permissions_page, "HOLDERS", (WHO,))
    for run in permissions_page.RUNS:
        recorder = Calls(tmp_path / "calls" / run)
        for c in NEEDED:
            recorder.note(c.identity, c.service, c.operation, frozenset(c.by), c.on)
    return tmp_path


def _main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["permissions_page", *arguments])
    return permissions_page.main()


def test_the_check_wants_the_page_that_the_run_makes(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No page, or another one, is a finding; the one that was just written is none; no recording is exit 2."""
    assert _main(monkeypatch, "--check") == 1
    assert "`make permissions` writes it anew" in capsys.readouterr().err
    assert _main(monkeypatch) == 0
    assert _main(monkeypatch, "--check") == 0
    recorder = Calls(repository / "calls" / "demo")
    recorder.note("who", "vault", "purge", None)
    assert _main(monkeypatch, "--check") == 1
    assert capsys.readouterr().err == "who called purge (vault) without a right to it\n"
    for file in (repository / "calls" / "demo").iterdir():
        file.unlink()
    assert _main(monkeypatch, "--check") == 2
