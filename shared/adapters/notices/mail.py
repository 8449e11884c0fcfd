"""Notices by mail: Graph's sendMail from the one mailbox that we may use. A link and times; never a passcode."""

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from kiota_abstractions.method import Method

from shared.adapters.graph_http import Call, GraphHttp, refusal
from shared.adapters.notices.words import Words, clock, one_line
from shared.domain.fates import GiveUp
from shared.domain.handovers import ApprovalTask, Handover
from shared.domain.reasons import Reason
from shared.domain.requests import Recipient


class MailNotices:
    """Tells recipients, approvers and persons from `mailbox`; `page_url` is the address of the page.

    No notice is sent twice by itself: Graph cannot say whether a mail whose answer was lost went out.
    """

    def __init__(self, http: GraphHttp, mailbox: str, page_url: str, words: Words) -> None:
        self._http = http
        self._mailbox = mailbox
        self._page_url = page_url.rstrip("/")
        self._words = words

    async def ready(self, recipient: Recipient, handover: Handover) -> None:
        """Tell the recipient that somebody waits for them. Raises TryLater, GiveUp, Unknown."""
        words = {
            "name": one_line(handover.person_name),
            "starts": clock(handover.starts),
            "expires": clock(handover.expires),
            "link": self._link("handover", handover.request_id),
        }
        await self._send("ready", recipient, words)

    async def approval(self, approver: Recipient, task: ApprovalTask) -> None:
        """Tell an approver that something waits for their decision: about whom, until when, where; nothing of why.

        A mail lies in inboxes and on phones; the reasons and the evidence stand behind the sign-in.
        Raises TryLater, GiveUp, Unknown.
        """
        words = {
            "name": one_line(task.person_name),
            "until": clock(task.until),
            "link": self._link("approval", task.request_id),
        }
        await self._send("approval", approver, words)

    async def made(self, person: Recipient, request_id: str, recipient_name: str, language: str) -> None:
        """Tell the person that a pass was made for them, in their language: who hands it over, where to say "not me".

        Raises TryLater, GiveUp, Unknown.
        """
        words = {"name": one_line(recipient_name), "link": self._link("not-me", request_id)}
        await self._send("made", person, words, language)

    def _link(self, page: str, request_id: str) -> str:
        return f"{self._page_url}/{page}/{request_id}"

    async def _send(self, kind: str, recipient: Recipient, words: dict[str, str], language: str = "") -> None:
        where = f"mail.{kind}"
        if not recipient.mail:
            raise GiveUp(where, Reason.NO_NOTICE_ROUTE)
        path = f"/users/{quote(self._mailbox, safe='@')}/sendMail"
        call = Call(where, Method.POST, path, self._body(kind, recipient, words, language))
        answer = await self._http.send(call)
        if answer.status != HTTPStatus.ACCEPTED:
            raise refusal(where, answer, Reason.NO_NOTICE_ROUTE)

    def _body(self, kind: str, recipient: Recipient, words: dict[str, str], language: str) -> dict[str, Any]:
        message = self._words.of(kind, language).told({**words, "recipient": one_line(recipient.display_name)})
        return {
            "message": {
                "subject": message.subject,
                "body": {"contentType": "text", "content": message.body},
                "toRecipients": [{"emailAddress": {"address": recipient.mail}}],
            },
            "saveToSentItems": False,
        }
