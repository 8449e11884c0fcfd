"""Graph for people of our own making: a call that names anybody else does not leave this process."""

import asyncio
import secrets
from collections.abc import Callable, Collection
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from kiota_abstractions.method import Method

from shared.adapters.graph_http import Answer, Call, GraphHttp
from shared.adapters.retry_after import retry_after
from tests.contract.journal import Journal
from tests.contract.settings import Settings

POLICY = "/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/temporaryAccessPass"
LIKE = "graph.passes"  # whose fates the calls of these tests share: a read's
_ADDRESS = "https://graph.microsoft.com/v1.0/directoryObjects/"
_GONE = (204, 404)
_TRIES = 24
_UNTOLD = timedelta(seconds=10)
_PAUSE_SECONDS = 5.0


class Stranger(Exception):
    """A call that is not about a person of this run's making."""


def check(method: Method, path: str, body: Any, *, mine: Collection[str], settings: Settings) -> None:
    """Raise Stranger unless the call is the policy's reading, or about people named in `mine` alone.

    Every other path is refused, also harmless ones: what is not written here is not called.
    """
    parts = urlsplit(path)
    if parts.scheme or parts.netloc or set(parts.path) & set("%()\\;'") or "//" in parts.path or ".." in parts.path:
        raise Stranger("the path is not a plain one")
    match method, parts.path.strip("/").split("/"):
        case Method.POST, ["users"]:
            ours = _new(body, mine, settings.run)
        case Method.GET, ["users"]:
            ours = parts.query in {f"$filter=userPrincipalName eq '{name}'&$select=id" for name in mine}
        case (_, ["users", person, *more]):
            ours = person in mine and more[:1] in ([], ["authentication"], ["revokeSignInSessions"])
        case Method.DELETE, ["directory", "deletedItems", person]:
            ours = person in mine
        case Method.POST, ["groups", group, "members", "$ref"]:
            ours = group == settings.excluded_group_id and _member(body) in mine
        case _:
            ours = method is Method.GET and parts.path == POLICY
    if not ours:
        raise Stranger("nobody of this run's making is named there")


def _new(body: Any, mine: Collection[str], run: str) -> bool:
    """Tell whether an account is asked for under a name that was noted, and is of this run."""
    name = body.get("userPrincipalName") if isinstance(body, dict) else None
    return isinstance(name, str) and name in mine and name.startswith(f"{run}-")


def _member(body: Any) -> str | None:
    """Return the id that a reference to a member names."""
    address = body.get("@odata.id") if isinstance(body, dict) else None
    known = isinstance(address, str) and address.startswith(_ADDRESS)
    return str(address).removeprefix(_ADDRESS) if known else None


class OwnPeople:
    """Makes accounts, calls Graph about them and nobody else, and removes them for good."""

    def __init__(self, http: GraphHttp, settings: Settings, journal: Journal) -> None:
        self._http = http
        self._settings = settings
        self._journal = journal
        self._mine = {*journal.left("account"), *journal.left("account-id")}

    async def send(self, method: Method, path: str, body: Any = None, *, patient: bool = True) -> Answer:
        """Return Graph's answer; a throttled call, which did nothing, is repeated when its time has come.

        Raises Stranger before anything is sent, and what GraphHttp raises.
        """
        check(method, path, body, mine=self._mine, settings=self._settings)
        for _ in range(_TRIES):
            answer = await self._http.send(Call(LIKE, method, path, body))
            if not patient or answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                return answer
            await asyncio.sleep((retry_after(answer.headers) or _UNTOLD).total_seconds())
        raise AssertionError(f"{method.value} was throttled {_TRIES} times")

    async def post(self, path: str, body: Any = None) -> Answer:
        """Return the answer of the first replica that knows our account: a 404 did nothing and is repeated."""
        return await self.until(Method.POST, path, lambda answer: answer.status != HTTPStatus.NOT_FOUND, body)

    async def make(self) -> str:
        """Make an account that can sign in (nobody knows its password), and return its id once methods can be read."""
        name = f"{self._settings.run}-{secrets.token_hex(3)}"
        address = f"{name}@{self._settings.user_domain}"
        self._mine.add(address)
        self._journal.made("account", address)
        asked = {
            "accountEnabled": True,
            "displayName": f"Passdesk contract test {name}",
            "mailNickname": name,
            "userPrincipalName": address,
            "passwordProfile": {"password": f"A1-{secrets.token_urlsafe(32)}", "forceChangePasswordNextSignIn": True},
        }
        answer = await self.send(Method.POST, "/users", asked)
        assert answer.status == 201, (answer.status, answer.code, answer.message)
        person_id = str(answer.body["id"])
        self._mine.add(person_id)
        self._journal.made("account-id", person_id)
        await self.until(Method.GET, f"/users/{person_id}/authentication/temporaryAccessPassMethods", lambda a: a.ok)
        return person_id

    async def until(self, method: Method, path: str, good: Callable[[Answer], bool], body: Any = None) -> Answer:
        """Repeat a call that is harmless to repeat until its answer is good (two minutes at most)."""
        for _ in range(_TRIES):
            answer = await self.send(method, path, body)
            if good(answer):
                return answer
            await asyncio.sleep(_PAUSE_SECONDS)  # another system's replicas: there is nothing here to wait on
        raise AssertionError(f"{method.value} about our own account stayed {answer.status} {answer.code}")

    async def remove(self, person_id: str) -> None:
        """Delete an account of ours and purge it."""
        deleted = await self.until(Method.DELETE, f"/users/{person_id}", lambda a: a.status in _GONE)
        # Who was deleted just now is among the deleted items a moment later; who was not may be purged already.
        expected = (204,) if deleted.status == HTTPStatus.NO_CONTENT else _GONE
        await self.until(Method.DELETE, f"/directory/deletedItems/{person_id}", lambda a: a.status in expected)
        self._journal.gone("account-id", person_id)

    async def clean_up(self) -> int:
        """Remove all accounts that the journal still names; return how many there were."""
        for address in self._journal.left("account"):
            found = await self.send(Method.GET, f"/users/{address}?$select=id")
            assert found.status in (200, 404), (found.status, found.code)
            if found.ok:
                self._mine.add(str(found.body["id"]))
                self._journal.made("account-id", str(found.body["id"]))
        left = self._journal.left("account-id")
        for person_id in left:
            await self.remove(person_id)
        for address in self._journal.left("account"):
            self._journal.gone("account", address)
        return len(left)
