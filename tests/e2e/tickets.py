"""Tickets as the desk would send them, for scenes of the end-to-end tests."""

import json
from typing import Any

from local.directory.tenant import upn
from shared.domain.orders import Purpose, request_id
from tests.e2e.conftest import Scene

DESK = "/itsm/servicenow"


async def lost(scene: Scene, name: str, method: str = "call-back", event: str = "", **data: Any) -> str:
    """Send a ticket about somebody whom the desk has just verified; return the request's id."""
    now = f"{scene.stage.now:%Y-%m-%dT%H:%M:%SZ}"
    proof = {"method": method, "by": upn("desk.agent"), "at": now, "reference": "call 17"}
    event_id = event or f"lost-{name}"
    body = {
        "specversion": "1.0",
        "type": "passdesk.device.lost",
        "source": DESK,
        "id": event_id,
        "time": now,
        "data": {
            "ticket": "INC0012345",
            "userPrincipalName": upn(name),
            "lost": ["authenticator"],
            "verification": proof,
            **data,
        },
    }
    await scene.stage.send("tickets", json.dumps(body))
    return request_id(DESK, event_id, Purpose.RECOVERY)
