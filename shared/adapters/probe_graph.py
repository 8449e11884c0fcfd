"""What a check-up asks of Graph: the roles in our own token, the policy for passes, and whether the mailbox is open."""

import base64
import json
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from azure.core.credentials_async import AsyncTokenCredential
from kiota_abstractions.method import Method

from shared.adapters.azure_fates import settle
from shared.adapters.graph_http import Call, GraphHttp, refusal
from shared.adapters.graph_parse import Malformed
from shared.adapters.graph_parse import policy as parse_policy
from shared.adapters.graph_reads import POLICY
from shared.domain.fates import GiveUp
from shared.domain.people import PassPolicy
from shared.domain.reasons import Reason
from shared.flows.probes import Route


class GraphProbe:
    """Looks at Graph as whoever `credential` is; `mailbox` is where notices are sent from."""

    def __init__(self, http: GraphHttp, credential: AsyncTokenCredential, graph_url: str, mailbox: str) -> None:
        self._http = http
        self._credential = credential
        self._graph_url = graph_url
        self._mailbox = mailbox

    async def roles(self) -> frozenset[str]:
        """Return the app roles in our own token. Raises TryLater when there is no token."""
        parts = urlsplit(self._graph_url)
        token = await settle("graph.token", self._credential.get_token(f"{parts.scheme}://{parts.netloc}/.default"))
        return _roles_in(token.token)

    async def policy(self) -> PassPolicy:
        """Return the tenant's policy for passes. Raises TryLater, GiveUp."""
        where = "graph.policy"
        answer = await self._http.read(Call(where, Method.GET, POLICY))
        try:
            return parse_policy(answer.body)
        except Malformed as flaw:
            raise GiveUp(f"{where}: {flaw}", Reason.POLICY_UNREADABLE) from None

    async def notice(self) -> Route:
        """Ask the mailbox to send a message to nobody: Graph refuses that with 400 once mailbox and right are there.

        Raises TryLater, GiveUp.
        """
        where = "mail.route"
        message = {"subject": "Passdesk", "body": {"contentType": "text", "content": ""}, "toRecipients": []}
        path = f"/users/{quote(self._mailbox, safe='@')}/sendMail"
        answer = await self._http.send(Call(where, Method.POST, path, {"message": message, "saveToSentItems": False}))
        match answer.status:
            case HTTPStatus.FORBIDDEN:
                return Route.NO_RIGHT
            case HTTPStatus.NOT_FOUND:
                return Route.NO_MAILBOX
            case HTTPStatus.BAD_REQUEST:
                return Route.OPEN
        raise refusal(where, answer)


def _roles_in(token: str) -> frozenset[str]:
    """Return the roles in a token of our own, whose signature is Graph's business."""
    try:
        payload = token.split(".")[1]
        claims: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        found = claims.get("roles", [])
        return frozenset(str(role) for role in found)
    except (ValueError, IndexError, AttributeError, TypeError):
        raise GiveUp("graph.token: it cannot be read", Reason.DIRECTORY_REFUSED) from None
