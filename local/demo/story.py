"""The working day, scene by scene. Each scene says what it shows and raises `Broken` when it did not happen."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from local.demo.recovery import lena_lost_her_phone, omar_has_no_manager, others_who_asked
from local.demo.stage import Broken
from local.demo.teller import OSLO, Teller
from local.directory.tenant import upn

_NOT_FOUND = 404


@dataclass(slots=True)
class Story(Teller):
    """The whole day."""

    async def play(self) -> None:
        """Play the whole day. Raises Broken, TooLong."""
        ada, first_day = await self.ada_is_hired()
        await self.others_who_get_nothing()
        await self.bo_whom_nobody_collects()
        await self.first_morning(ada, first_day)
        await self.reveal(ada)
        await self.the_same_event_again(ada)
        await lena_lost_her_phone(self)
        await omar_has_no_manager(self)
        await others_who_asked(self)
        await self.clean(ada)

    async def ada_is_hired(self) -> tuple[str, datetime]:
        """HR says that Ada begins tomorrow at nine, Oslo time."""
        tomorrow = self.stage.now.astimezone(OSLO).date() + timedelta(days=1)
        first_day = datetime(tomorrow.year, tomorrow.month, tomorrow.day, 9, tzinfo=OSLO).astimezone(UTC)
        ada = await self.joiner("ada", f"{tomorrow}T09:00", "Europe/Oslo", employee="10042")
        await self.stage.reaches(ada, "accepted", "waiting")
        self.line("HR: Ada Lund begins tomorrow 09:00 in Oslo. Her request waits; no pass exists yet.")
        self.check(not self.stage.desk.directory.minted, "no pass is made the day before")
        return ada, first_day

    async def others_who_get_nothing(self) -> None:
        """Show who gets nothing: an administrator, and a malformed event that is put aside."""
        soon = f"{self.stage.now + timedelta(minutes=5):%Y-%m-%dT%H:%M}"
        root = await self.joiner("root", soon, "UTC")
        await self.stage.reaches(root, "refused")
        self.line(f"HR: Robin Holt, an administrator. Refused: {self.reasons(root)}.")
        self.check("role_active" in self.reasons(root), "an administrator is refused for their role")
        await self.stage.send(
            "joiners", b'{"specversion": "1.0", "type": "passdesk.joiner.hired", "id": "x", "id": "y"}'
        )
        await self.stage.until(lambda: self.stage.desk.bus.counts("quarantine").active, "quarantine has one")
        await self.stage.quiet()
        self.line("HR: a malformed event. Put aside in quarantine; nothing else stopped.")

    async def bo_whom_nobody_collects(self) -> None:
        """Bo begins in a moment; the pass is made and nobody opens the page."""
        soon = f"{self.stage.now + timedelta(minutes=5):%Y-%m-%dT%H:%M}"
        bo = await self.joiner("bo", soon, "UTC", employee="10043")
        await self.stage.reaches(bo, "ready")
        await self.stage.until(lambda: self.mail("jonas"), "Bo's manager has a notice")
        self.line("HR: Bo Nygaard begins in five minutes. The pass lies in the vault; nobody will collect it.")
        await self.saboteur.after_ready(self.stage, bo)
        await self.stage.travel_to(self.stage.now + timedelta(minutes=5))
        await self.stage.travel_to(self.stage.now + timedelta(minutes=70))
        await self._sweep(bo, "lapsed")
        self.line("Seventy minutes later: Bo's pass expired unseen, and the clean-up removed it everywhere.")
        await self.stage.travel_to(self.stage.now + timedelta(hours=3))
        await self._sweep(bo, "expired")
        self.line("Three hours later: nobody asked for a fresh pass, so HR hears that it was not collected.")

    async def first_morning(self, ada: str, first_day: datetime) -> None:
        """Half an hour before she begins, the pass is made and her manager is told."""
        await self.stage.travel_to(first_day - timedelta(minutes=30))
        await self.stage.reaches(ada, "ready")
        await self.stage.until(lambda: self.mail("dana"), "Ada's manager has a notice")
        await self.stage.quiet()
        mail = self.mail("dana")[-1]
        self.check(f"/handover/{ada}" in mail, "the notice holds the link")
        self.line("The pass is issued and lies in the vault; Dana Berg, her manager, gets a notice with a link.")
        await self.stage.travel_to(first_day)

    async def reveal(self, ada: str) -> None:
        """Let the manager reveal the passcode once, and Ada sign in with it, once."""
        stage = self.stage
        async with stage.browser("erik") as stranger:
            await stranger.sign_in()
            foreign = await stranger.get(f"/handover/{ada}")
            stage.answers.append(("page, a stranger", foreign.text))
            self.check(foreign.status == _NOT_FOUND, "a stranger sees nothing")
        async with stage.browser("dana") as dana:
            await dana.sign_in()
            listed = await dana.get("/handover")
            before = await dana.get(f"/handover/{ada}")
            stage.answers += [("page, the list", listed.text), ("page, before the reveal", before.text)]
            self.check(f"/handover/{ada}" in listed.text, f"the manager's list names Ada (status {listed.status})")
            shown = await dana.reveal(ada)
            passcode = shown.passcode
            if passcode is None:
                msg = f"the manager pressed the button and saw no passcode (status {shown.status})"
                raise Broken(msg)
            again = await dana.reveal(ada)
            stage.answers.append(("page, the second try", again.text))
            self.check(again.passcode is None and "was shown" in again.text, "a second reveal shows a receipt")
        self.line("Dana signs in, ticks how she checked who it is, and reveals the pass: once. A second try: receipt.")
        first = await stage.sign_in(upn("ada"), passcode)
        second = await stage.sign_in(upn("ada"), passcode)
        self.check(bool(first["accepted"]), "Ada signs in with her pass")
        self.check(not second["accepted"], "the pass works once")
        self.line(f"Ada signs in with it. A second try is refused: {second['reason']}.")
        await stage.reaches(ada, "revealed")

    async def the_same_event_again(self, ada: str) -> None:
        """Send a duplicate of Ada's event, which changes nothing."""
        await self.saboteur.before_duplicate(self.stage, ada)
        before = self.stage.state(ada)
        await self.stage.send("joiners", self.bodies[ada])
        await self.stage.quiet()
        await self.saboteur.after_duplicate(self.stage, ada)
        self.line(f"HR sends Ada's event again: the request stays {before}.")

    async def clean(self, ada: str) -> None:
        """Let the clean-up remove the used pass, a quarter of an hour after it saw that it was used."""
        stage = self.stage
        await stage.travel_to(stage.now + timedelta(minutes=16))
        await stage.fire("clean_up")
        await stage.quiet()
        await stage.travel_to(stage.now + timedelta(minutes=16))
        await self._sweep(ada, "closed")
        await self.saboteur.at_night(stage)
        await stage.travel_to(stage.now + timedelta(hours=5))  # past the hours in which a fresh pass may be asked for
        await stage.fire("clean_up")
        await stage.quiet()
        self.line("The clean-up removed Ada's used pass from the directory, the vault and the index.")

    async def somebody_waits(self) -> datetime:
        """Leave Cleo's pass waiting for her manager, for whoever looks at the page afterwards; return when it ends."""
        soon = f"{self.stage.now + timedelta(minutes=5):%Y-%m-%dT%H:%M}"
        cleo = await self.joiner("cleo", soon, "UTC", employee="10044")
        await self.stage.reaches(cleo, "ready")
        await self.stage.quiet()
        row = self.stage.request(cleo) or {}
        return datetime.fromisoformat(json.loads(str(row["issued"]))[2])

    async def _sweep(self, request: str, state: str) -> None:
        await self.stage.fire("clean_up")
        await self.stage.quiet()
        if self.saboteur.hides(request):
            return
        await self.stage.reaches(request, state)
