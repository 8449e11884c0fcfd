"""The bus over the broker model, and callers whose tokens a table knows."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta

from local.bus.message import Message
from local.bus.model import Bus
from shared.domain.fates import Refused
from shared.domain.messages import Ask, Outcome, Quarantined, WakeUp
from shared.domain.orders import derived_id
from shared.domain.passcode import IdToken
from shared.flows.ports import SignedIn
from tests.memory.checkpoints import Checkpoints, act


class MemoryBus:
    """The bus for both roles. `published` keeps every outcome in the order it was sent."""

    system = "bus"

    def __init__(self, bus: Bus, checkpoint: Checkpoints) -> None:
        self.bus = bus
        self.checkpoint = checkpoint
        self.published: list[Outcome] = []
        self.warned: list[tuple[str, str, tuple[str, ...]]] = []

    @act
    def wake(self, wake: WakeUp, lane: str, at: datetime | None) -> None:
        """Send a wake-up into a lane."""
        self._send("requests", wake.to_json(), f"wake:{wake.request_id}:{wake.attempt}", lane, at)

    @act
    def deliver(self, wake: WakeUp) -> None:
        """Tell the courier that a pass is ready."""
        self._send("deliveries", wake.to_json(), f"deliver:{wake.request_id}:{wake.attempt}")

    @act
    def quarantine(self, item: Quarantined) -> None:
        """Put an event aside."""
        self._send("quarantine", json.dumps(asdict(item)), derived_id("quarantine", item.sha256))

    @act
    def publish(self, outcome: Outcome) -> None:
        """Publish an end."""
        self.published.append(outcome)
        body = json.dumps({**asdict(outcome), "at": outcome.at.isoformat()})
        properties = {"kind": outcome.kind, "state": outcome.state}
        self.bus.send("outcomes", Message(body=body.encode(), message_id=outcome.outcome_id, properties=properties))

    @act
    def warn(self, subject: str, request_id: str, findings: tuple[str, ...]) -> None:
        """Tell security."""
        self.warned.append((subject, request_id, findings))
        body = json.dumps({"subject": subject, "request_id": request_id, "findings": findings})
        self.bus.send("security", Message(body=body.encode()))

    @act
    def ask(self, ask: Ask) -> None:
        """Ask the issuer."""
        self._send("asks", ask.to_json(), None)

    def _send(
        self, entity: str, body: str, message_id: str | None, lane: str | None = None, at: datetime | None = None
    ) -> None:
        self.bus.send(entity, Message(body=body.encode(), message_id=message_id, session_id=lane, scheduled_at=at))


class MemoryCallers:
    """Who a token speaks for: tokens are handed out here, and anything else is refused."""

    system = "callers"

    def __init__(self, checkpoint: Checkpoints) -> None:
        self.checkpoint = checkpoint
        self._known: dict[str, SignedIn] = {}

    def sign_in(self, object_id: str, at: datetime) -> tuple[SignedIn, IdToken]:
        """Sign somebody in on the page."""
        token = f"token-{len(self._known)}-{object_id}"
        self._known[token] = SignedIn(object_id=object_id, name=object_id[:8], signed_in_at=at)
        return self._known[token], IdToken(token)

    def known(self, token: IdToken) -> SignedIn:
        """Return whom a token was handed out to, for a test's eyes. Raises KeyError."""
        return self._known[token.reveal()]

    @act
    def check(self, token: IdToken, *, now: datetime, fresh_within: timedelta) -> SignedIn:
        """Return the caller."""
        caller = self._known.get(token.reveal())
        if caller is None:
            raise Refused("signature")
        if now - caller.signed_in_at > fresh_within:
            raise Refused("stale")
        return caller
