"""`python -m local up` serves strangers: what it promises to a process that has endpoints.json and the SDKs."""

import ipaddress
import json
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from local.desk import Desk, DeskOptions
from local.habits import ASSUMED, Habits
from tests.desk.conftest import ROOT, Start, Up, environment, launched
from tests.desk.processes import alive, connects, family, listening

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def seen(whole: Up) -> dict[str, Any]:
    """Return what a stranger saw who tried everything once (the imports take longer than the calls)."""
    return whole.outside("identity", "bus", "app", "vault", "tables", "graph")


def shape(value: Any) -> Any:
    """Return the keys of nested objects; of a list, its first item's."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) else type(value).__name__


def test_the_endpoints_say_what_was_agreed_and_no_more(whole: Up) -> None:
    """endpoints.json has exactly these keys; another tool reads them by name."""
    assert shape(whole.endpoints) == {
        "serviceBus": {"connectionString": "str", "fullyQualifiedNamespace": "str", "tlsPort": "int"},
        "keyVault": {"url": "str"},
        "graph": {"url": "str"},
        "tables": {"url": "str"},
        "identity": {
            "endpoint": "str",
            "header": "str",
            "clientIds": {"issuer": "str", "courier": "str", "auditor": "str"},
            "authority": "str",
        },
        "faults": {"url": "str", "secret": "str"},
        "caFile": "str",
        "page": {"url": "str", "clientId": "str"},
        "people": [{"id": "str", "userPrincipalName": "str", "displayName": "str"}],
    }


def test_the_endpoints_are_this_users_alone(whole: Up, up: Start, tmp_path: Path) -> None:
    """The file holds keys: mode 600, also where a file with another mode lay before."""
    assert stat.S_IMODE(whole.file.stat().st_mode) == 0o600
    before = tmp_path / "endpoints.json"
    before.write_text("{}", encoding="utf-8")
    before.chmod(0o644)
    assert stat.S_IMODE(up("--only", "identity").file.stat().st_mode) == 0o600


def test_a_stranger_has_nothing_of_ours(seen: dict[str, Any]) -> None:
    """What follows was seen by a process that imported the public SDKs and no module of this repository."""
    assert seen["modules of ours"] == []


def test_a_stranger_uses_the_bus(seen: dict[str, Any]) -> None:
    """With the connection string alone: schedule, peek, cancel, send, receive, complete, publish, subscribe."""
    assert seen["bus"] == {
        "peeked": ["later"],
        "cancelled": [],
        "received": ["put aside", 0],
        "left": 0,
        "outcome": "o-1",
    }


def test_the_issuer_works_meanwhile(seen: dict[str, Any]) -> None:
    """`up` runs the apps too: something malformed is put aside by the issuer."""
    assert "no event at all" in seen["app"]["quarantined"]


def test_a_stranger_uses_the_vault_as_each_role(seen: dict[str, Any]) -> None:
    """Issuer: set, delete, purge and never get or list. Courier: get, delete and never set or purge."""
    assert seen["vault"] == {
        "listed": ["outside-one", "outside-two"],
        "issuer lists": 403,
        "issuer gets": 403,
        "courier gets": "first",
        "courier sets": 403,
        "courier purges": 403,
        "deleted": ["outside-one", "outside-two"],
        "left": [],
    }


def test_a_stranger_uses_the_tables_as_each_role(seen: dict[str, Any]) -> None:
    """The issuer writes requests and due; the courier reads requests, and due not at all."""
    assert seen["tables"] == {
        "requests": "closed",
        "courier inserts requests": 403,
        "courier reads requests": 200,
        "due": "closed",
        "courier inserts due": 403,
        "courier reads due": 403,
    }


def test_a_stranger_uses_the_directory_as_each_role(seen: dict[str, Any]) -> None:
    """The issuer reads people and policy, makes a pass and deletes it; the courier may do none of it."""
    assert seen["graph"] == {
        "person": "ada@contoso.com",
        "longest": 480,
        "made": True,
        "listed": [[True, None]],
        "left": 0,
        "courier reads": 403,
        "courier makes": 403,
    }


def test_a_wrong_header_is_nobody(seen: dict[str, Any]) -> None:
    """The managed-identity endpoint gives tokens to who knows the header, to nobody else."""
    assert seen["identity"]["token"] is True
    assert str(seen["identity"]["wrong header"]).startswith("refused")


def test_only_this_machine_can_reach_it(whole: Up) -> None:
    """Desk and apps listen on loopback, every socket of them."""
    found = {pid: listening(pid) for pid in family(whole.process.pid)}
    assert sum(bool(sockets) for sockets in found.values()) == 3  # the desk, the issuer, the courier
    assert all(ipaddress.ip_address(host).is_loopback for sockets in found.values() for host, _ in sockets)


def test_only_what_was_named_runs(up: Start) -> None:
    """`--only bus,vault`: no directory, tables, page or app. The identities come along: the vault takes no other."""
    desk = up("--only", "bus,vault")
    assert set(desk.endpoints) == {"serviceBus", "keyVault", "identity", "caFile", "faults"}
    assert family(desk.process.pid) == {desk.process.pid}
    named = {
        desk.endpoints["serviceBus"]["tlsPort"],
        int(desk.endpoints["serviceBus"]["connectionString"].split(";")[0].rpartition(":")[2]),
        *(
            urlsplit(url).port
            for url in (
                desk.endpoints["keyVault"]["url"],
                desk.endpoints["faults"]["url"],
                desk.endpoints["identity"]["endpoint"],
                desk.endpoints["identity"]["authority"],
            )
        ),
    }
    assert {port for _, port in listening(desk.process.pid)} == named
    seen = desk.outside("bus", "vault")
    assert (seen["bus"]["received"], seen["vault"]["issuer gets"]) == (["put aside", 0], 403)


def test_the_bus_alone_needs_no_identity(up: Start) -> None:
    """`--only bus`: a connection string, and besides the bus only the orders of faults listen."""
    desk = up("--only", "bus")
    assert set(desk.endpoints) == {"serviceBus", "caFile", "faults"}
    assert len(listening(desk.process.pid)) == 3  # plain, TLS, faults


def test_another_configuration_of_the_bus(up: Start, tmp_path: Path) -> None:
    """`--config FILE` serves that file's entities; the apps, which need their own queues, stay away."""
    entities = {"UserConfig": {"Namespaces": [{"Name": "mine", "Queues": [{"Name": "parcels", "Properties": {}}]}]}}
    config = tmp_path / "entities.json"
    config.write_text(json.dumps(entities), encoding="utf-8")
    desk = up("--config", str(config))
    assert "page" not in desk.endpoints
    assert family(desk.process.pid) == {desk.process.pid}
    assert desk.outside("only_bus")["only_bus"] == {"parcel": "a parcel"}


def refused(*options: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Return how `up` ended that was not to start."""
    return subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "local", "up", *options],
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_an_unknown_service_is_refused(tmp_path: Path) -> None:
    """`--only` with a name that there is not exits 2 and says which there are."""
    ended = refused("--only", "bus,vualt", "--endpoints", str(tmp_path / "endpoints.json"))
    assert ended.returncode == 2
    assert "vualt" in ended.stderr
    assert "vault" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_habit_is_refused(tmp_path: Path) -> None:
    """`--habit` with a name or value that there is not exits 2 and says which there are."""
    ended = refused("--habit", "mood=bad", "--endpoints", str(tmp_path / "endpoints.json"))
    assert ended.returncode == 2
    assert "unknown habit mood=bad: there are replace_live=yes|no" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_habit_reaches_a_running_desk(up: Start) -> None:
    """`--habit explain_absent=no`: deleting a pass that is gone is a 404 without a body."""
    told = up("--only", "graph", "--habit", "explain_absent=no").endpoints
    identity, asked = told["identity"], {"api-version": "2019-08-01", "resource": "https://graph.microsoft.com"}
    token = httpx.get(
        identity["endpoint"],
        params={**asked, "client_id": identity["clientIds"]["issuer"]},
        headers={"X-IDENTITY-HEADER": identity["header"]},
    ).json()["access_token"]
    absent = f"/users/{told['people'][0]['id']}/authentication/temporaryAccessPassMethods/absent"
    gone = httpx.delete(told["graph"]["url"] + absent, headers={"Authorization": f"Bearer {token}"})
    assert (gone.status_code, gone.content) == (404, b"")


def test_a_desk_has_the_habits_that_it_is_told(tmp_path: Path) -> None:
    """One option reaches every stand-in that has a habit."""
    desk = Desk(DeskOptions(directory=tmp_path, habits=Habits.others()))
    assert desk.directory.habits == desk.vault_wire.habits == Habits.others()
    desk.adopt(ASSUMED)
    assert desk.directory.habits == desk.vault_wire.habits == ASSUMED


@pytest.mark.parametrize("text", [None, "not JSON", '{"UserConfig": {}}'])
def test_a_broken_configuration_is_refused_in_one_line(tmp_path: Path, text: str | None) -> None:
    """A file that is missing, no JSON or not the emulator's format exits 2 and names the file."""
    config = tmp_path / "entities.json"
    if text is not None:
        config.write_text(text, encoding="utf-8")
    ended = refused("--only", "bus", "--config", str(config), "--endpoints", str(tmp_path / "endpoints.json"))
    assert ended.returncode == 2
    assert "entities.json" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "endpoints.json").exists()


def test_it_does_not_start_in_azure(tmp_path: Path) -> None:
    """Where Azure set its variables there are no stand-ins: exit 2 and one line that says why."""
    ended = refused("--endpoints", str(tmp_path / "endpoints.json"), WEBSITE_SITE_NAME="passdesk")
    assert ended.returncode == 2
    assert "WEBSITE_SITE_NAME" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_two_desks_do_not_meet(up: Start) -> None:
    """Two desks in one folder have their own files, ports, keys and certificates, and both work."""
    one, two = up("--only", "bus,vault", name="one.json"), up("--only", "bus,vault", name="two.json")
    assert not listening(one.process.pid) & listening(two.process.pid)
    assert one.endpoints["caFile"] != two.endpoints["caFile"]
    assert one.endpoints["identity"]["header"] != two.endpoints["identity"]["header"]
    for desk in (one, two):
        assert desk.outside("vault")["vault"]["left"] == []
    ports = {port for _, port in listening(one.process.pid)}
    assert one.stop() == 0
    assert not any(connects(port) for port in ports)
    assert two.outside("bus")["bus"]["left"] == 0


def test_ended_while_it_starts(tmp_path: Path) -> None:
    """A desk that is told to end while its apps start takes them along."""
    file = tmp_path / "endpoints.json"
    desk = launched(file)
    try:
        started = {desk.pid}
        end = time.monotonic() + 20
        while len(started) < 3 and time.monotonic() < end:
            time.sleep(0.02)
            started |= family(desk.pid)
        assert len(started) == 3
        assert not file.exists()  # else it was ready already
        desk.terminate()
        desk.communicate(timeout=30)
    finally:
        desk.kill()
    assert desk.returncode == 0
    assert not any(alive(pid) for pid in started)
    assert not file.exists()


def test_a_killed_desk_takes_its_apps_along(up: Start) -> None:
    """A desk that is killed cannot stop anybody; its apps see that it is gone and end by themselves."""
    desk = up()
    started = family(desk.process.pid)
    assert len(started) == 3
    desk.process.kill()
    desk.process.wait(timeout=10)
    end = time.monotonic() + 20
    while any(alive(pid) for pid in started) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in started)


def test_nothing_stays_behind(whole: Up) -> None:
    """A desk that is told to end exits 0, its apps with it; its ports are closed and its endpoints file is gone."""
    started = family(whole.process.pid)
    ports = {port for pid in started for _, port in listening(pid)}
    assert len(started) == 3
    assert whole.stop() == 0
    assert not any(alive(pid) for pid in started)
    assert not any(connects(port) for port in ports)
    assert not whole.file.exists()
