"""The working day, scene by scene. Each scene says what it shows and raises `Broken` when it did not happen."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from local.demo.sabotage import Saboteur
from local.demo.stage import Stage
from local.directory.tenant import upn
from shared.domain.orders import Purpose, request_id

HR, DESK = "/hr/workday", "/itsm/servicenow"
_OSLO = ZoneInfo("Europe/Oslo")
_NOT_FOUND = 404


class Broken(AssertionError):
    """A scene did not go as promised."""


@dataclass(slots=True)
class Story:
    """The day's state: the stage, who says what, and the events sent so far."""

    stage: Stage
    saboteur: Saboteur
    say: Callable[[str], None]
    events: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, str] = field(default_factory=dict)

    async def play(self) -> None:
        """Play the whole day. Raises Broken, TooLong."""
        ada, first_day = await self.ada_is_hired()
        await self.others_who_get_nothing()
        await self.bo_whom_nobody_collects()
        await self.first_morning(ada, first_day)
        await self.reveal(ada)
        await self.the_same_event_again(ada)
        await self.clean(ada)

    async def ada_is_hired(self) -> tuple[str, datetime]:
        """HR says that Ada begins tomorrow at nine, Oslo time."""
        tomorrow = self.stage.now.astimezone(_OSLO).date() + timedelta(days=1)
        first_day = datetime(tomorrow.year, tomorrow.month, tomorrow.day, 9, tzinfo=_OSLO).astimezone(UTC)
        ada = await self._joiner("ada", f"{tomorrow}T09:00", "Europe/Oslo", employee="10042")
        await self.stage.reaches(ada, "accepted", "waiting")
        self._line("HR: Ada Lund begins tomorrow 09:00 in Oslo. Her request waits; no pass exists yet.")
        self._check(not self.stage.desk.directory.minted, "no pass is made the day before")
        return ada, first_day

    async def others_who_get_nothing(self) -> None:
        """Show who gets nothing: an administrator, a ticket, and a malformed event that is put aside."""
        soon = f"{self.stage.now + timedelta(minutes=5):%Y-%m-%dT%H:%M}"
        root = await self._joiner("root", soon, "UTC")
        await self.stage.reaches(root, "refused")
        self._line(f"HR: Robin Holt, an administrator. Refused: {self._reasons(root)}.")
        self._check("role_active" in self._reasons(root), "an administrator is refused for their role")
        ticket = await self._ticket("erik")
        await self.stage.reaches(ticket, "refused")
        self._line(f"Desk: Erik Dahl lost a phone. Refused: {self._reasons(ticket)}.")
        await self.stage.send(
            "joiners", b'{"specversion": "1.0", "type": "passdesk.joiner.hired", "id": "x", "id": "y"}'
        )
        await self.stage.until(lambda: self.stage.desk.bus.counts("quarantine").active == 1, "quarantine has one")
        await self.stage.quiet()
        self._line("HR: a malformed event. Put aside in quarantine; nothing else stopped.")

    async def bo_whom_nobody_collects(self) -> None:
        """Bo begins in a moment; the pass is made and nobody opens the page."""
        soon = f"{self.stage.now + timedelta(minutes=5):%Y-%m-%dT%H:%M}"
        bo = await self._joiner("bo", soon, "UTC", employee="10043")
        await self.stage.reaches(bo, "ready")
        await self.stage.until(lambda: self._mail("jonas"), "Bo's manager has a notice")
        self._line("HR: Bo Nygaard begins in five minutes. The pass lies in the vault; nobody will collect it.")
        await self.saboteur.after_ready(self.stage, bo)
        await self.stage.travel_to(self.stage.now + timedelta(minutes=5))
        await self.stage.travel_to(self.stage.now + timedelta(minutes=70))
        await self._sweep(bo, "expired")
        self._line("Seventy minutes later: Bo's pass expired unseen, and the clean-up removed it everywhere.")

    async def first_morning(self, ada: str, first_day: datetime) -> None:
        """Half an hour before she begins, the pass is made and her manager is told."""
        await self.stage.travel_to(first_day - timedelta(minutes=30))
        await self.stage.reaches(ada, "ready")
        await self.stage.until(lambda: self._mail("dana"), "Ada's manager has a notice")
        await self.stage.quiet()
        mail = self._mail("dana")[-1]
        self._check(f"/handover/{ada}" in mail, "the notice holds the link")
        self._line("The pass is issued and lies in the vault; Dana Berg, her manager, gets a notice with a link.")
        await self.stage.travel_to(first_day)

    async def reveal(self, ada: str) -> None:
        """Let the manager reveal the passcode once, and Ada sign in with it, once."""
        stage = self.stage
        async with stage.browser("erik") as stranger:
            await stranger.sign_in()
            foreign = await stranger.get(f"/handover/{ada}")
            stage.answers.append(("page, a stranger", foreign.text))
            self._check(foreign.status == _NOT_FOUND, "a stranger sees nothing")
        async with stage.browser("dana") as dana:
            await dana.sign_in()
            listed = await dana.get("/handover")
            before = await dana.get(f"/handover/{ada}")
            stage.answers += [("page, the list", listed.text), ("page, before the reveal", before.text)]
            self._check(f"/handover/{ada}" in listed.text, f"the manager's list names Ada (status {listed.status})")
            shown = await dana.reveal(ada)
            passcode = shown.passcode
            if passcode is None:
                msg = f"the manager pressed the button and saw no passcode (status {shown.status})"
                raise Broken(msg)
            again = await dana.reveal(ada)
            stage.answers.append(("page, the second try", again.text))
            self._check(again.passcode is None and "was shown" in again.text, "a second reveal shows a receipt")
        self._line("Dana signs in, ticks how she checked who it is, and reveals the pass: once. A second try: receipt.")
        first = await stage.sign_in(upn("ada"), passcode)
        second = await stage.sign_in(upn("ada"), passcode)
        self._check(bool(first["accepted"]), "Ada signs in with her pass")
        self._check(not second["accepted"], "the pass works once")
        self._line(f"Ada signs in with it. A second try is refused: {second['reason']}.")
        await stage.reaches(ada, "revealed")

    async def the_same_event_again(self, ada: str) -> None:
        """Send a duplicate of Ada's event, which changes nothing."""
        await self.saboteur.before_duplicate(self.stage, ada)
        before = self.stage.state(ada)
        await self.stage.send("joiners", self.bodies[ada])
        await self.stage.quiet()
        await self.saboteur.after_duplicate(self.stage, ada)
        self._line(f"HR sends Ada's event again: the request stays {before}.")

    async def clean(self, ada: str) -> None:
        """Let the clean-up remove the used pass, a quarter of an hour after it saw that it was used."""
        stage = self.stage
        await stage.travel_to(stage.now + timedelta(minutes=16))
        await stage.fire("clean_up")
        await stage.quiet()
        await stage.travel_to(stage.now + timedelta(minutes=16))
        await self._sweep(ada, "closed")
        await self.saboteur.at_night(stage)
        await stage.travel_to(stage.now + timedelta(hours=2))
        await stage.fire("clean_up")
        await stage.quiet()
        self._line("The clean-up removed Ada's used pass from the directory, the vault and the index.")

    async def somebody_waits(self) -> None:
        """Leave Cleo's pass waiting for her manager, for whoever looks at the page afterwards."""
        soon = f"{self.stage.now + timedelta(minutes=5):%Y-%m-%dT%H:%M}"
        cleo = await self._joiner("cleo", soon, "UTC", employee="10044")
        await self.stage.reaches(cleo, "ready")
        await self.stage.quiet()

    async def _sweep(self, request: str, state: str) -> None:
        await self.stage.fire("clean_up")
        await self.stage.quiet()
        if self.saboteur.hides(request):
            return
        await self.stage.reaches(request, state)

    async def _joiner(self, who: str, starts: str, zone: str, employee: str | None = None) -> str:
        data = {"userPrincipalName": upn(who), "startsAt": starts, "timeZone": zone, "profile": "sign-in"}
        if employee:
            data["employeeId"] = employee
        return await self._send("joiners", Purpose.JOINER, who, "passdesk.joiner.hired", data)

    async def _ticket(self, who: str) -> str:
        data = {
            "ticket": "INC0012345",
            "userPrincipalName": upn(who),
            "lost": ["authenticator"],
            "verification": {
                "method": "video-with-badge",
                "by": upn("desk.agent"),
                "at": self._now_text(),
                "reference": "call 4711",
            },
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

    def _mail(self, who: str) -> list[str]:
        return [mail.body for mail in self.stage.desk.directory.outbox.to(upn(who))]

    def _reasons(self, request: str) -> str:
        row = self.stage.request(request)
        return ", ".join(reason for reason, _ in json.loads(str(row["reasons"]))) if row else ""

    def _line(self, text: str) -> None:
        self.say(f"{self.stage.now.astimezone(_OSLO):%a %H:%M}  {text}")

    def _check(self, holds: bool, promise: str) -> None:  # noqa: FBT001 - reads as a sentence
        if not holds:
            raise Broken(promise)
