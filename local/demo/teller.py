"""What every scene needs: to send events, to look, to tell, and to insist."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from local.demo.sabotage import Saboteur
from local.demo.stage import Broken, Stage
from local.directory.tenant import upn
from shared.domain.orders import Purpose, request_id

HR, DESK = "/hr/workday", "/itsm/servicenow"
OSLO = ZoneInfo("Europe/Oslo")


@dataclass(slots=True)
class Teller:
    """The day's state: the stage, who says what, and the events sent so far."""

    stage: Stage
    saboteur: Saboteur
    say: Callable[[str], None]
    events: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, str] = field(default_factory=dict)

    async def joiner(self, who: str, starts: str, zone: str, employee: str | None = None) -> str:
        """Let HR say that somebody begins; return the id of the request it leads to."""
        data = {"userPrincipalName": upn(who), "startsAt": starts, "timeZone": zone, "profile": "sign-in"}
        if employee:
            data["employeeId"] = employee
        return await self._send("joiners", Purpose.JOINER, who, "passdesk.joiner.hired", data)

    async def ticket(self, who: str, method: str, by: str = "desk.agent", lost: tuple[str, ...] = ("phone",)) -> str:
        """Let the ticket system say that somebody lost something, and how who verified them."""
        data = {
            "ticket": f"INC00{len(self.events):05d}",
            "userPrincipalName": upn(who),
            "lost": list(lost),
            "verification": {"method": method, "by": upn(by), "at": self._now_text(), "reference": f"case {who}"},
        }
        return await self._send("tickets", Purpose.RECOVERY, who, "passdesk.device.lost", data)

    async def _send(self, queue: str, purpose: Purpose, who: str, kind: str, data: Mapping[str, object]) -> str:
        source = HR if purpose is Purpose.JOINER else DESK
        event_id = f"{queue}-{who}"
        body = json.dumps(
            {
                "specversion": "1.0",
                "type": kind,
                "source": source,
                "id": event_id,
                "time": self._now_text(),
                "data": data,
            }
        )
        made = request_id(source, event_id, purpose)
        self.events[made] = f"{kind.removeprefix('passdesk.')} {who}"
        self.bodies[made] = body
        await self.stage.send(queue, body)
        return made

    def _now_text(self) -> str:
        return f"{self.stage.now:%Y-%m-%dT%H:%M:%S}Z"

    def mail(self, who: str) -> list[str]:
        """Return what somebody was sent, the oldest first."""
        return [mail.body for mail in self.stage.desk.directory.outbox.to(upn(who))]

    def reasons(self, request: str) -> str:
        """Return a request's reasons, as the ledger has them."""
        row = self.stage.request(request)
        return ", ".join(reason for reason, _ in json.loads(str(row["reasons"]))) if row else ""

    def line(self, text: str) -> None:
        """Tell what happened, with the time of day."""
        self.say(f"{self.stage.now.astimezone(OSLO):%a %H:%M}  {text}")

    def check(self, holds: bool, promise: str) -> None:  # noqa: FBT001 - reads as a sentence
        """Go on when the promise holds. Raises Broken."""
        if not holds:
            raise Broken(promise)
