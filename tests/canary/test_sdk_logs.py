"""What the SDKs write at DEBUG while a pass is made, stored, read and revealed: no passcode, no token of anybody."""

import asyncio
import json
import logging
import re
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from local.apps import environment
from local.canary import sightings
from local.desk import PAGE_CLIENT_ID, Desk, DeskOptions
from local.directory.tenant import person_id
from shared.composition.hush import TALKATIVE, hush
from tests.canary.loud import LOGGED_BY, PLANTED, Everything, over_http2

pytestmark = pytest.mark.e2e

_JWT = re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")
SDKS = ("azure.core", "azure.identity", "azure.servicebus", "httpcore", "httpx", "msal", "asyncio")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Start the stand-ins."""
    desk = Desk(DeskOptions(directory=tmp_path))
    await desk.start()
    yield desk
    await desk.stop()


async def loud(desk: Desk) -> tuple[str, str]:
    """Run the loud process as both apps; return what it logged, and the id token that it had."""
    token = desk.people.id_token(person_id("dana"), audience=PAGE_CLIENT_ID)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local.errand", "tests.canary.loud", person_id("ada")),
        env=environment(desk, "issuer", "", timedelta(0)) | {"IDENTITY_HEADER": desk.any_identity_header},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, told = await process.communicate(token.encode())
    assert process.returncode == 0, told.decode()[-2000:]
    return printed.decode(), token


async def test_no_sdk_writes_a_secret_at_debug(desk: Desk) -> None:
    """Promise 3: everything is logged, and neither the passcode in any form nor anybody's token is there.

    What is planted afterwards, in the same log, the same search does find.
    """
    printed, token = await loud(desk)
    logged, planted = printed.split(f"{PLANTED}\n")
    said = next(line.removeprefix(LOGGED_BY) for line in logged.splitlines() if line.startswith(LOGGED_BY))
    for sdk in SDKS:
        assert any(f"{name}.".startswith(f"{sdk}.") for name in json.loads(said)), f"{sdk} said nothing"
    passcodes = [minted.passcode for minted in desk.directory.minted]
    assert passcodes
    assert sightings([("log", logged)], passcodes) == []
    assert _JWT.findall(logged) == []
    for part in (token.split(".")[1], token.split(".")[2], desk.any_identity_header):
        assert part not in logged
    assert sightings([("log", planted)], passcodes) != []
    assert token in _JWT.findall(planted)


@pytest.mark.parametrize("hushed", [True, False])
def test_hpack_would_write_bearer_tokens(hushed: bool, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: FBT001 - a column
    """Promise 3: over HTTP/2 the header block that hpack logs holds the token; hushed, it makes no such record."""
    token = "made-up.token.of-nobody"
    everything, root = Everything(), logging.getLogger()
    loggers = [logging.getLogger(name) for name in ("", *TALKATIVE)]
    levels = [logger.level for logger in loggers]
    root.addHandler(everything)
    try:
        root.setLevel(logging.DEBUG)
        for logger in loggers[1:]:
            logger.setLevel(logging.NOTSET)
        if hushed:
            hush()
        over_http2(token)
    finally:
        root.removeHandler(everything)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
    assert (token in capsys.readouterr().out) is not hushed
