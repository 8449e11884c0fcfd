"""A process in which every library logs all it can, while a pass is made, stored, announced, read and revealed.

`python -m local.errand tests.canary.loud PERSON` with the reader's id token on stdin prints every record of every
logger with its arguments, extras and errors, and what can be read in blocks of HTTP/2 headers among them; then
`PLANTED`, and what it must not log: the search has to find it.
"""

import asyncio
import json
import logging
import os
import sys
import uuid
from dataclasses import replace
from datetime import timedelta

import h2.config
import h2.connection
from hpack import Decoder, HPACKError

from local.clock import utc_now
from local.rights import COURIER
from shared.composition.build import build_courier, build_issuer
from shared.composition.settings import Settings
from shared.domain.messages import REVEALED, Ask, WakeUp
from shared.domain.passcode import IdToken, Passcode

LOGGED_BY, PLANTED = "logged by: ", "planted:"

_PLAIN = logging.Formatter()


class Everything(logging.Handler):
    """Prints each record whole."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print it, and what its bytes say to whoever knows HTTP/2."""
        self.names.add(record.name)
        sys.stdout.write(f"{record.name}: {_PLAIN.format(record)} {vars(record)}\n")
        for block in record.args if isinstance(record.args, tuple) else ():
            if isinstance(block, bytes) and record.name.startswith("hpack") and "block" in record.msg:
                sys.stdout.write(f"decoded: {_decoded(block)}\n")


def _decoded(block: bytes) -> object:
    logging.disable(logging.DEBUG)  # the decoder would tell of itself
    try:
        return list(Decoder().decode(block))
    except HPACKError as error:
        return error
    finally:
        logging.disable(logging.NOTSET)


def new_id() -> str:
    """Return an id."""
    return str(uuid.uuid4())


def nobody_else() -> float:
    """Return no chance: there is nobody to be spread from."""
    return 0.0


def over_http2(token: str) -> None:
    """Send a request's headers as httpx does to Graph in Azure; the desk's Graph speaks HTTP/1.1."""
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    connection.initiate_connection()
    fields = {":method": "POST", ":path": "/", ":authority": "graph.example", ":scheme": "https"}
    connection.send_headers(1, [*fields.items(), ("authorization", f"Bearer {token}")])


async def scene(person: str, token: IdToken) -> Passcode:
    """Do with real adapters what a pass goes through."""
    settings = Settings.from_env(os.environ)
    theirs = replace(settings, client_id=COURIER.client_id)
    issuer, courier = (
        build_issuer(settings, utc_now, new_id, nobody_else),
        build_courier(theirs, utc_now, new_id, nobody_else),
    )
    request, now, hour = new_id(), utc_now(), timedelta(hours=1)
    over_http2(token.reveal())
    made = await issuer.directory.create_pass(person, lifetime=hour, one_time=True, starts_at=None, call_id=new_id())
    name = f"pass-{request}"
    await issuer.vault.store(name, made.passcode, expires=now + hour, tags={"request": request})
    await issuer.bus.deliver(WakeUp(request, 1))
    for services in (courier, issuer):
        await services.callers.check(token, now=now, fresh_within=hour)
    read = await courier.vault.read(name)
    if read != made.passcode or read is None:
        raise AssertionError
    await courier.vault.delete(name)
    await courier.bus.ask(Ask(request, REVEALED, token))
    await issuer.ledger.get(request)
    await issuer.directory.delete_pass(person, made.tap_id)
    logging.getLogger("passdesk").debug("revealed %s", read)
    return read


def main() -> None:
    """Log everything, play, say who logged, and plant."""
    everything = Everything()
    logging.getLogger().addHandler(everything)
    logging.getLogger().setLevel(logging.DEBUG)
    token = IdToken(sys.stdin.read())
    read = asyncio.run(scene(sys.argv[1], token))
    sys.stdout.write(f"\n{LOGGED_BY}{json.dumps(sorted(everything.names))}\n{PLANTED}\n")
    logging.getLogger("planted").debug("revealed %s to %s", read.reveal(), token.reveal())


if __name__ == "__main__":
    main()
