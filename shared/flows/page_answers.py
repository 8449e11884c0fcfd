"""What the courier's flows answer a signed-in caller: the states of the page, as values."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.handovers import Handover
from shared.domain.passcode import Passcode

LED_NOWHERE = timedelta(minutes=5)  # what the issuer has not taken up by then may be asked again


@dataclass(frozen=True, slots=True)
class Shown:
    """The one time that the passcode is on a page."""

    handover: Handover
    passcode: Passcode


@dataclass(frozen=True, slots=True)
class Receipt:
    """It was shown already, to this same recipient: when, and no more. `may_ask`: a fresh pass may be asked for."""

    handover: Handover
    at: datetime
    may_ask: bool = False


@dataclass(frozen=True, slots=True)
class Lapsed:
    """It ran out before it was shown, and the recipient may ask for a fresh pass."""

    handover: Handover


@dataclass(frozen=True, slots=True)
class BeingMade:
    """A fresh pass was asked for and is not ready yet: the page looks again by itself."""

    handover: Handover


@dataclass(frozen=True, slots=True)
class NotMade:
    """The fresh pass that was asked for will not come; why is for the ledger and for security."""

    handover: Handover


@dataclass(frozen=True, slots=True)
class Gone:
    """Nothing to show or to decide: wrong, used, foreign, expired and decided by another all look like this."""


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Nothing was shown or sent, and nothing is lost: try once more."""


@dataclass(frozen=True, slots=True)
class Concern:
    """What somebody may say "not me" to: a pass for them, or one that they were to hand over.

    `about_me`: the caller is the person, not the recipient. `recipient_name` is shown to the person only.
    """

    request_id: str
    person_name: str
    recipient_name: str
    made_at: datetime
    revealed_at: datetime | None
    about_me: bool


@dataclass(frozen=True, slots=True)
class Disowned:
    """The "not me" was passed on: the pass will stop working within moments, and security is told."""

    concern: Concern


type Looked = Handover | Receipt | Lapsed | BeingMade | NotMade | Gone
type Revealed = Shown | Looked | AskAgain
