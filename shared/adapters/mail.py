"""Notices by mail: Graph's sendMail from the one mailbox that we may use. A link and two times; never a passcode."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kiota_abstractions.method import Method

from shared.adapters.graph_http import Call, GraphHttp, refusal, throttled
from shared.domain.fates import GiveUp, Unknown
from shared.domain.reasons import Reason
from shared.domain.requests import Recipient
from shared.flows.ports import Handover

_MESSAGES = Path(__file__).parent / "messages"
_LONGEST_NAME = 120


def load_message(language: str = "en") -> dict[str, str]:
    """Return subject and body of the notice, as templates. Raises OSError, ValueError for a file that is none."""
    found = json.loads((_MESSAGES / f"{language}.json").read_text(encoding="utf-8"))
    return {"subject": str(found["subject"]), "body": str(found["body"])}


class MailNotices:
    """Tells recipients from `mailbox`; `page_url` is the address of the hand-over page."""

    def __init__(self, http: GraphHttp, mailbox: str, page_url: str, message: Mapping[str, str]) -> None:
        self._http = http
        self._mailbox = mailbox
        self._page_url = page_url.rstrip("/")
        self._message = message

    async def ready(self, recipient: Recipient, handover: Handover) -> None:
        """Tell the recipient that somebody waits for them.

        Never sent twice by itself: Graph cannot say whether a mail whose answer was lost went out.
        Raises TryLater, GiveUp, Unknown.
        """
        where = "mail.ready"
        if not recipient.mail:
            raise GiveUp(where, Reason.NO_NOTICE_ROUTE)
        path = f"/users/{quote(self._mailbox, safe='@')}/sendMail"
        call = Call(where, Method.POST, path, self._body(recipient, handover))
        answer = await self._http.send(call, lost=Unknown)
        if answer.status == HTTPStatus.ACCEPTED:
            return
        lost = answer.ok or (throttled(answer.status) and answer.status != HTTPStatus.TOO_MANY_REQUESTS)
        raise Unknown(where) if lost else refusal(where, answer, Reason.NO_NOTICE_ROUTE)

    def _body(self, recipient: Recipient, handover: Handover) -> dict[str, Any]:
        words = {
            "name": _one_line(handover.person_name),
            "recipient": _one_line(recipient.display_name),
            "starts": _clock(handover.starts),
            "expires": _clock(handover.expires),
            "link": f"{self._page_url}/handover/{handover.request_id}",
        }
        return {
            "message": {
                "subject": self._message["subject"].format_map(words),
                "body": {"contentType": "Text", "content": self._message["body"].format_map(words)},
                "toRecipients": [{"emailAddress": {"address": recipient.mail}}],
            },
            "saveToSentItems": False,
        }


def _one_line(name: str) -> str:
    """Return a name as one line of printable text: a display name is whatever somebody could write there."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:_LONGEST_NAME]


def _clock(moment: datetime) -> str:
    """Return an instant in UTC, said so: a mail knows nothing of its reader's time zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
