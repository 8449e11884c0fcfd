"""Many reads in one round trip: Graph's $batch (20 items), every page followed, every item judged by itself.

A read ends as a value or as `Unreadable`; only a Graph that is too busy ends the whole batch, in `TryLater`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from itertools import batched
from typing import Any

from kiota_abstractions.method import Method

from shared.adapters.fate_table import Fate, fate_of, trouble_of
from shared.adapters.graph_http import BATCH, Answer, Call, GraphHttp, refusal
from shared.adapters.graph_parse import Malformed
from shared.domain.people import LICENCE, Unreadable

MOST_ITEMS = 20
MOST_PAGES = 20

_EVENTUAL = {"ConsistencyLevel": "eventual"}
_NEXT = "@odata.nextLink"


@dataclass(frozen=True, slots=True)
class Read[T]:
    """One read: its name, its path with query, and how its body (or each member of its list) becomes a value.

    `advanced` asks for Graph's advanced query engine. `absent` makes the value of a 404, when a 404 is an answer.
    """

    name: str
    url: str
    parse: Callable[[Any], T]
    many: bool = False
    advanced: bool = False
    absent: Callable[[], T] | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers that the read needs, on every page."""
        return _EVENTUAL if self.advanced else {}


class Batch:
    """Runs reads. Raises TryLater when Graph is throttling or unwell, GiveUp when the batch itself is refused."""

    def __init__(self, http: GraphHttp) -> None:
        self._http = http

    async def run(self, where: str, reads: Sequence[Read[Any]]) -> dict[str, Any]:
        """Return by name what each read gave: a value, a tuple of values when it reads a list, or Unreadable."""
        found: dict[str, Any] = {}
        for some in batched(reads, MOST_ITEMS, strict=False):
            answers = await self._ask(where, some)
            for read in some:
                found[read.name] = await self._judge(where, read, answers.get(read.name))
        return found

    async def _ask(self, where: str, reads: Iterable[Read[Any]]) -> dict[str, Answer]:
        requests = [{"id": r.name, "method": "GET", "url": r.url, "headers": dict(r.headers)} for r in reads]
        call = Call(where, Method.POST, BATCH, {"requests": requests})
        answer = await self._http.send(call)
        if not answer.ok:
            raise refusal(where, answer)
        answers = _items(answer.body)
        self._http.learn(call, answers.values())
        busy = [refusal(where, a) for a in answers.values() if _passes(where, a)]
        if busy:
            raise max(busy, key=lambda failure: getattr(failure, "after", timedelta(0)))
        return answers

    async def _judge(self, where: str, read: Read[Any], answer: Answer | None) -> Any:
        if answer is None:
            return Unreadable(read.name, "missing")
        if answer.status == HTTPStatus.NOT_FOUND and read.absent is not None:
            return read.absent()
        if answer.status != HTTPStatus.OK:
            return Unreadable(read.name, LICENCE if _licence(answer) else f"status-{answer.status}")
        try:
            if not read.many:
                return read.parse(answer.body)
            return tuple([read.parse(member) for member in await self._members(where, read, answer)])
        except Malformed as flaw:
            return Unreadable(read.name, f"malformed-{flaw}")

    async def _members(self, where: str, read: Read[Any], answer: Answer) -> list[Any]:
        """Return the members of all pages. Raises Malformed for a page that is none, or not to be had, or too many."""
        members: list[Any] = []
        for _ in range(MOST_PAGES):
            body = answer.body
            page = body.get("value") if isinstance(body, dict) else None
            if not isinstance(page, list):
                raise Malformed("value")
            members += page
            following = body.get(_NEXT)
            if following is None:
                return members
            if not isinstance(following, str) or not self._http.is_ours(following):
                raise Malformed(_NEXT)
            answer = await self._http.send(Call(where, Method.GET, following, headers=read.headers))
            if _passes(where, answer):
                raise refusal(where, answer)
            if answer.status != HTTPStatus.OK:
                raise Malformed(f"page-{answer.status}")
        raise Malformed("pages")


def _passes(where: str, answer: Answer) -> bool:
    """Tell whether a refusal may pass by itself."""
    return not answer.ok and fate_of(where, trouble_of(answer.status)) is Fate.LATER


def _items(body: Any) -> dict[str, Answer]:
    """Return the answers by id; one that is malformed, or there twice, is left out and so unreadable."""
    responses = body.get("responses") if isinstance(body, dict) else None
    found: dict[str, Answer] = {}
    twice: set[str] = set()
    for item in responses if isinstance(responses, list) else []:
        match item:
            case {"id": str(name), "status": int(status)}:
                if name in found:
                    twice.add(name)
                headers = item.get("headers")
                known = {str(k): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {}
                found[name] = Answer(status, known, item.get("body"))
            case _:
                continue
    return {name: answer for name, answer in found.items() if name not in twice}


def _licence(answer: Answer) -> bool:
    """Tell whether a refusal means that the tenant has not bought this (Graph: AadPremiumLicenseRequired)."""
    return "licenserequired" in answer.code.lower() or ("license" in answer.message and "tenant" in answer.message)
