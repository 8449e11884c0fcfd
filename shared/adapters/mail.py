"""Notices by mail: Graph's sendMail from the one mailbox that we may use. A link and times; never a passcode."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
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
from shared.flows.ports import ApprovalTask, Handover

_MESSAGES = Path(__file__).parent / "messages"
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Message:
    """Subject and body of one kind of notice, as templates."""

    subject: str
    body: str


def load_messages(language: str = "en") -> dict[str, Message]:
    """Return every kind of notice by name: `ready`, `approval`. Raises OSError, ValueError, KeyError for a bad file."""
    found = json.loads((_MESSAGES / f"{language}.json").read_text(encoding="utf-8"))
    return {kind: Message(str(found[kind]["subject"]), str(found[kind]["body"])) for kind in ("ready", "approval")}


class MailNotices:
    """Tells recipients and approvers from `mailbox`; `page_url` is the address of the page.

    No notice is sent twice by itself: Graph cannot say whether a mail whose answer was lost went out.
    """

    def __init__(self, http: GraphHttp, mailbox: str, page_url: str, messages: Mapping[str, Message]) -> None:
        self._http = http
        self._mailbox = mailbox
        self._page_url = page_url.rstrip("/")
        self._messages = messages

    async def ready(self, recipient: Recipient, handover: Handover) -> None:
        """Tell the recipient that somebody waits for them. Raises TryLater, GiveUp, Unknown."""
        words = {
            "name": _one_line(handover.person_name),
            "starts": _clock(handover.starts),
            "expires": _clock(handover.expires),
            "link": f"{self._page_url}/handover/{handover.request_id}",
        }
        await self._send("ready", recipient, words)

    async def approval(self, approver: Recipient, task: ApprovalTask) -> None:
        """Tell an approver that something waits for their decision: about whom, until when, where; nothing of why.

        A mail lies in inboxes and on phones; the reasons and the evidence stand behind the sign-in.
        Raises TryLater, GiveUp, Unknown.
        """
        words = {
            "name": _one_line(task.person_name),
            "until": _clock(task.until),
            "link": f"{self._page_url}/approval/{task.request_id}",
        }
        await self._send("approval", approver, words)

    async def _send(self, kind: str, recipient: Recipient, words: dict[str, str]) -> None:
        where = f"mail.{kind}"
        if not recipient.mail:
            raise GiveUp(where, Reason.NO_NOTICE_ROUTE)
        path = f"/users/{quote(self._mailbox, safe='@')}/sendMail"
        call = Call(where, Method.POST, path, self._body(kind, recipient, words))
        answer = await self._http.send(call, lost=Unknown)
        if answer.status == HTTPStatus.ACCEPTED:
            return
        lost = answer.ok or (throttled(answer.status) and answer.status != HTTPStatus.TOO_MANY_REQUESTS)
        raise Unknown(where) if lost else refusal(where, answer, Reason.NO_NOTICE_ROUTE)

    def _body(self, kind: str, recipient: Recipient, words: dict[str, str]) -> dict[str, Any]:
        message, words = self._messages[kind], {**words, "recipient": _one_line(recipient.display_name)}
        return {
            "message": {
                "subject": message.subject.format_map(words),
                "body": {"contentType": "text", "content": message.body.format_map(words)},
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
