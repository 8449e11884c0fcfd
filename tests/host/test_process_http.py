"""The host process over HTTP, and the desk's hand on it."""

import asyncio
import signal
from datetime import datetime, timedelta

import aiohttp
import pytest

from local.bus.message import Counts, Message
from local.clock import utc_now
from tests.host.conftest import Desk, HostProcess, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.referee("host")]  # Microsoft's worker library runs the functions
BUS_FUNCTIONS = ("sample_binary", "sample_dead", "sample_text", "sample_session")
KEYS = {
    "functions": {"sample_keyed": "function-key", "sample_files": "files-key"},
    "host": "host-key",
    "master": "master-key",
}


async def fetch(
    host: HostProcess, method: str, path: str, **options: object
) -> tuple[int, str, aiohttp.ClientResponse]:
    """Return status, body and response."""
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, host.base + path, **options) as response,  # type: ignore[arg-type]  # passed on
    ):
        return response.status, await response.text(), response


async def test_requests_reach_functions_as_in_azure(desk: Desk) -> None:
    """Routes, values, stripped platform headers, cookies, empty 404 and 500, keys by level."""
    async with desk.host(disabled=BUS_FUNCTIONS, keys=KEYS) as host:
        headers = {"X-MS-CLIENT-PRINCIPAL-ID": "forged", "x-ms-token-aad-id-token": "forged", "X-Other": "kept"}
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{host.base}/api/things/7/lid?a=1&a=2&b=", data=b"hi", headers=headers) as response,
        ):
            assert response.status == 202
            got = await response.json()
            assert [c.key for c in response.cookies.values()] == ["one", "two"]
            assert response.cookies["one"]["samesite"] == "Strict"
        assert got["url"] == f"{host.base}/api/things/7/lid?a=1&a=2&b="
        assert (got["route"], got["query"], got["body"]) == ({"id": "7", "part": "lid"}, {"a": "1,2"}, "hi")
        assert got["headers"]["x-other"] == "kept"
        assert not [name for name in got["headers"] if name.startswith("x-ms-")]
        for method, path, status in (
            ("GET", "/api/things/x", 404),
            ("DELETE", "/api/things/7", 404),
            ("GET", "/things/7", 404),
            ("GET", "/admin/functions", 404),
            ("POST", "/", 404),
            ("GET", "/api/raises", 500),
            ("GET", "/api/keyed", 401),
            ("GET", "/api/keyed?code=wrong", 401),
            ("GET", "/api/keyed?code=files-key", 401),
            ("GET", "/api/files/a?code=files-key", 401),
            ("GET", "/api/files/a?code=host-key", 401),
        ):
            assert (await fetch(host, method, path))[:2] == (status, ""), path
        assert (await fetch(host, "GET", "/"))[1].startswith("Your Functions")
        assert (await fetch(host, "GET", "/api/sample_nameless"))[:2] == (200, "nameless")
        for key in ("function-key", "host-key", "master-key"):
            assert (await fetch(host, "GET", f"/api/keyed?code={key}"))[:2] == (200, "opened GET")
        wrong = {"x-functions-key": "wrong"}
        assert (await fetch(host, "GET", "/api/keyed?code=host-key", headers=wrong))[0] == 401
        master = {"x-functions-key": "master-key"}
        assert (await fetch(host, "GET", "/api/files/a/b", headers=master))[:2] == (200, "a/b")


async def test_each_invocation_is_logged_with_its_id(desk: Desk) -> None:
    """Executing, the app's own lines, Executed: all with one invocation id; a failure once, with its trace."""
    async with desk.host(disabled=BUS_FUNCTIONS) as host:
        await host.control("POST", "/fire", {"function": "sample_timer"})
        await fetch(host, "GET", "/api/raises")
        lines = [line for line in host.logged() if line["category"].startswith("Function.sample_timer")]
        assert [line["category"] for line in lines] == [
            "Function.sample_timer",
            "Function.sample_timer.User",
            "Function.sample_timer",
        ]
        assert len({line["invocationId"] for line in lines}) == 1
        assert lines[1]["properties"] == {"event": "sample.timer"}
        assert "Succeeded" in lines[2]["message"]
        failed = [line for line in host.logged() if "ordered to raise" in str(line)]
        assert len(failed) == 1
        assert "Traceback" in failed[0]["message"]


async def test_the_clock_moves_and_timers_follow(desk: Desk) -> None:
    """A day's travel fires the timer once, past due; the bus and HTTP go on; back again is back."""
    async with desk.host(disabled=("sample_dead", "sample_text")) as host:
        assert (await host.control("GET", "/idle", secret="wrong"))[0] == 401
        there = utc_now() + timedelta(days=2)
        status, state = await host.control("POST", "/travel", {"to": there.isoformat()})
        assert status == 200
        assert abs(datetime.fromisoformat(state["now"]) - there) < timedelta(seconds=5)
        (run,) = await eventually(lambda: host.told("timer"))
        assert run["past_due"] is True
        await host.control("POST", "/travel", {"offsetSeconds": 3 * 86_400})
        await eventually(lambda: len(host.told("timer")) == 2)
        _, state = await host.control("POST", "/travel", {"to": None})
        assert abs(datetime.fromisoformat(state["now"]) - utc_now()) < timedelta(seconds=5)
        assert (await host.control("POST", "/travel", {"to": "2026-01-01T00:00:00"}))[0] == 400
        assert (await host.control("POST", "/fire", {"function": "nobody"}))[0] == 400
        assert (await fetch(host, "POST", "/api/things/1"))[0] == 202


async def test_paused_timers_wait(desk: Desk) -> None:
    """A demo decides when the schedule runs."""
    async with desk.host("--pause-timers", disabled=BUS_FUNCTIONS) as host:
        await host.control("POST", "/travel", {"offsetSeconds": 86_400})
        await asyncio.sleep(0.3)
        _, state = await host.control("GET", "/idle")
        assert (state["running"], state["timersDue"], state["timersPaused"]) == (0, False, True)
        assert host.told("timer") == []
        assert (await host.control("POST", "/fire", {"function": "sample_timer"}))[1] == {"ok": True, "error": ""}
        await host.control("POST", "/pause-timers", {"paused": False})
        await eventually(lambda: len(host.told("timer")) == 2)


async def test_a_crash_at_a_named_step_leaves_the_message_with_the_bus(desk: Desk) -> None:
    """SIGKILL at the step; after the lock's end a restarted host gets the message as its second delivery."""
    disabled = ("sample_dead", "sample_text", "sample_session")
    async with desk.host(disabled=disabled) as host:
        await host.control("POST", "/crash-at", {"point": "sample.binary"})
        desk.bus.send("joiners", Message(body=b"x", message_id="m-1"))
        assert host.process is not None
        assert await asyncio.wait_for(host.process.wait(), 10) == -signal.SIGKILL
        assert host.logged()[-1]["properties"] == {"event": "sample.binary"}
        await host.start()
        await eventually(lambda: len(host.told("binary")) == 2)
        assert host.told("binary")[1]["message_id"] == "m-1"
        await eventually(lambda: desk.bus.counts("joiners") == Counts())


async def test_a_handler_that_exits_has_failed_and_the_host_lives(desk: Desk) -> None:
    """SystemExit in a handler ends the invocation, not the process."""
    async with desk.host(disabled=("sample_dead", "sample_text", "sample_session")) as host:
        desk.bus.send("joiners", Message(body=b"exit"))
        await eventually(lambda: desk.bus.counts("joiners").dead_lettered == 1)
        assert (await fetch(host, "GET", "/api/things/1"))[0] == 202


async def test_sigterm_drains_the_running_call(desk: Desk) -> None:
    """A message's call ends and settles, a request is answered, then the process ends; nothing is redelivered."""
    async with desk.host(disabled=("sample_dead", "sample_text", "sample_session")) as host:
        desk.bus.send("joiners", Message(body=b"slow2"))
        request = asyncio.create_task(fetch(host, "GET", "/api/slow"))
        await eventually(lambda: host.told("binary") and host.told("slow"))
        assert await host.stop() == 0
        assert (await request)[:2] == (200, "done")
    assert desk.bus.counts("joiners") == Counts()


async def test_the_desks_own_settings_never_reach_the_app(desk: Desk) -> None:
    """The app's environment has its settings and nothing of the desk's."""
    async with desk.host(disabled=BUS_FUNCTIONS) as host:
        told = host.told("environment")
        (names,) = [one["names"] for one in told]
        assert "SAMPLE_QUEUE" in names
        assert not [name for name in names if name.startswith("LOCAL_")]
