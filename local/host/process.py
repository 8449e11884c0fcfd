"""The host as a process: `python -m local.host --app DIR --port N [--control-port N] [--settings FILE] [--log FILE]`.

Environment: the app's settings as Azure sets them, and these, which are taken out before the app is imported:
`LOCAL_TRUST` (JSON `{"caFile": path, "servers": [[host, port, address, port], …]}`, for `local.trust`),
`LOCAL_CONTROL` (the control endpoint's secret), `LOCAL_TIME_OFFSET` (seconds that this process's clock is ahead).

The settings file is JSON: `values` (settings; those already in the environment win), `keys` (`functions` {name: key},
`host`, `master`) and `platformAuth` (see `local.host.platform_auth.Settings`).
One line of JSON on stdout says when it is ready. SIGTERM drains it within ten seconds.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from local import trust
from local.clock import utc_now
from local.host import logs, worker
from local.host.clockwork import Traveller
from local.host.control import Control
from local.host.crash import CrashPoints
from local.host.host import Host, Plan, plan
from local.host.http import Handler, Keys, application
from local.host.invocations import Invocations
from local.host.outputs import OutputRefused
from local.host.platform_auth import PlatformAuth, Settings
from local.host.settings import host_settings
from local.host.timers import StatusStore

_DRAIN_SECONDS = 7.0
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Options:
    """The command line, and what only the desk's environment says."""

    app: Path
    port: int
    control_port: int | None
    settings: Path | None
    log: Path | None
    timer_status: Path | None
    pause_timers: bool
    follow_stdin: bool
    control_secret: str
    trust: str
    time_offset: timedelta


def options(arguments: Sequence[str] | None, environment: MutableMapping[str, str]) -> Options:
    """Read the command line; takes the desk's own variables out of `environment`."""
    parser = argparse.ArgumentParser(prog="python -m local.host", description="Run a Functions app on this machine.")
    parser.add_argument("--app", type=Path, required=True, help="directory of function_app.py and host.json")
    parser.add_argument("--port", type=int, default=0, help="HTTP port on 127.0.0.1 (0: any free one)")
    parser.add_argument("--control-port", type=int, help="control port (0: any); without it there is none")
    parser.add_argument("--settings", type=Path, help="JSON file: values, keys, platformAuth")
    parser.add_argument("--log", type=Path, help="write the log here instead of stdout")
    parser.add_argument("--timer-status", type=Path, help="keep the timers' statuses here across restarts")
    parser.add_argument("--follow-stdin", action="store_true", help="end when stdin does, as when the parent is killed")
    parser.add_argument("--pause-timers", action="store_true", help="start with the schedule paused")
    read = parser.parse_args(arguments)
    return Options(
        app=read.app.resolve(),
        port=read.port,
        control_port=read.control_port,
        settings=read.settings,
        log=read.log.resolve() if read.log else None,
        timer_status=read.timer_status.resolve() if read.timer_status else None,
        pause_timers=read.pause_timers,
        follow_stdin=read.follow_stdin,
        control_secret=environment.pop("LOCAL_CONTROL", ""),
        trust=environment.pop("LOCAL_TRUST", ""),
        time_offset=timedelta(seconds=float(environment.pop("LOCAL_TIME_OFFSET", "0") or 0)),
    )


def _trust(text: str) -> None:
    document = json.loads(text)
    trust.install(
        str(document["caFile"]),
        {(host, int(port)): (address, int(to)) for host, port, address, to in document["servers"]},
    )


def _keys(document: Mapping[str, Any]) -> Keys:
    return Keys(
        functions=dict(document.get("functions", {})),
        host=str(document.get("host", "")),
        master=str(document.get("master", "")),
    )


async def _serve(app: web.Application, port: int) -> tuple[web.AppRunner, int]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_DRAIN_SECONDS)
    await runner.setup()
    await web.TCPSite(runner, _LOOPBACK, port).start()
    return runner, int(runner.addresses[0][1])


async def run(chosen: Options) -> int:
    """Start the app, serve until SIGTERM or SIGINT, drain; return the exit code (1: the app was refused)."""
    if chosen.trust:
        _trust(chosen.trust)
    document: dict[str, Any] = json.loads(chosen.settings.read_text(encoding="utf-8")) if chosen.settings else {}
    for name, value in document.get("values", {}).items():
        os.environ.setdefault(name, str(value))
    traveller = Traveller()
    if chosen.time_offset:
        traveller.by(chosen.time_offset)
    settings = host_settings(chosen.app, os.environ)
    invocations = Invocations(settings.function_timeout)
    crashes = CrashPoints()
    handler = logs.install(invocations.name_of, levels=settings.log_levels, file=chosen.log)
    logs.after(handler, crashes)
    try:
        functions = await worker.index(chosen.app)
        made = plan(functions, settings, os.environ)
    except (worker.AppRefused, OutputRefused) as error:
        _say({"ready": False, "error": str(error)})
        return 1
    host = Host(
        made,
        settings,
        invocations,
        utc_now,
        keys=_keys(document.get("keys", {})),
        statuses=StatusStore(chosen.timer_status),
    )
    host.timers.paused = chosen.pause_timers
    control = Control(
        chosen.control_secret,
        invocations=invocations,
        timers=host.timers,
        traveller=traveller,
        crashes=crashes,
        clock=utc_now,
    )
    await _live(host, made, chosen, control, document.get("platformAuth"))
    traveller.stop()
    return 0


async def _live(
    host: Host,
    made: Plan,
    chosen: Options,
    control: Control,
    sign_in: Mapping[str, Any] | None,
) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    if chosen.follow_stdin:
        await loop.connect_read_pipe(lambda: _UntilEnd(over), sys.stdin)
    gate = PlatformAuth(Settings.of(sign_in), host.http.handle, utc_now) if sign_in else None
    front: Handler = gate.handle if gate else host.http.handle
    runner, port = await _serve(application(front), chosen.port)
    runners = [runner]
    control_port: int | None = None
    if chosen.control_port is not None:
        controller, control_port = await _serve(control.application(), chosen.control_port)
        runners.append(controller)
    await host.start()
    _say(
        {
            "ready": True,
            "http": port,
            "control": control_port,
            "functions": sorted(
                [one.function.name for one in made.listening]
                + [function.name for function, _ in made.timers]
                + [endpoint.function.name for endpoint in made.endpoints if not endpoint.disabled]
            ),
            "errors": made.errors,
        }
    )
    await over.wait()
    await asyncio.gather(host.stop(_DRAIN_SECONDS), *(one.cleanup() for one in runners))
    if gate is not None:
        await gate.close()


class _UntilEnd(asyncio.Protocol):
    """Tells when the other end of a pipe is gone."""

    def __init__(self, over: asyncio.Event) -> None:
        self._over = over

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Tell it."""
        self._over.set()


def _say(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    chosen = options(arguments, os.environ)
    code = asyncio.run(run(chosen))
    # A handler that ignored its cancellation must not hold the process up in an executor thread.
    sys.stdout.flush()
    return code
