"""Faults planted from outside, so that the demo's checks can be seen to fail. The product knows nothing of them."""

from dataclasses import dataclass

from local.demo.stage import Stage

BREAKS = {
    "leak": "a passcode is written, in groups, where somebody reads logs",
    "double": "a second pass is made for somebody who still has one",
    "stale": "a request is forgotten: it never reaches an end",
    "unclean": "a secret stays behind in the vault, deleted but not purged",
}


@dataclass(slots=True)
class Saboteur:
    """Does one of BREAKS at its moment of the day; without a name, nothing."""

    name: str | None = None
    victim: str = ""

    def hides(self, request_id: str) -> bool:
        """Tell whether this request was made to be forgotten."""
        return self.name in {"stale", "double"} and request_id == self.victim

    async def after_ready(self, stage: Stage, request_id: str) -> None:
        """Plant what needs a pass that lies in the vault."""
        if self.name == "stale":
            self.victim = request_id
            await stage.quiet()
            stage.desk.ledger.delete("due", "due", request_id)
        if self.name == "leak":
            passcode = stage.desk.directory.minted[-1].passcode
            grouped = " ".join(passcode[i : i + 4] for i in range(0, len(passcode), 4))
            with stage.apps["courier"].log.open("a", encoding="utf-8") as log:
                log.write(f"debug: told the manager {grouped}\n")

    async def before_duplicate(self, stage: Stage, request_id: str) -> None:
        """Make the ledger forget somebody who has a pass, so that the same event opens a second request."""
        if self.name == "double":
            self.victim = request_id
            stage.desk.ledger.delete("requests", request_id, "request")

    async def after_duplicate(self, stage: Stage, request_id: str) -> None:
        """Let the second request run to its pass."""
        if self.name == "double":
            await stage.reaches(request_id, "ready")

    async def at_night(self, stage: Stage) -> None:
        """Leave a secret behind."""
        if self.name == "unclean":
            stage.desk.vault.set("forgotten", "not a passcode")
            stage.desk.vault.delete("forgotten")
