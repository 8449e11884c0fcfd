"""One call on Graph, free of HTTP: the wire and each item of a batch make it, the operations answer it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from local.directory import odata
from local.directory.errors import bad_request, denied
from local.directory.model import Directory
from local.permissions import GRAPH, least

type Note = Callable[[str, frozenset[str] | None], None]


def _unnoted(_right: str, _by: frozenset[str] | None) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked: path segments below the version (decoded), query, headers in lower case, body, app roles and app.

    `base` is the absolute address of the version, for links to the next page. `note` is told of each row of
    `permissions.GRAPH` that the call needed, and of the roles that satisfied it.
    """

    directory: Directory
    verb: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    roles: frozenset[str]
    base: str
    page_size: int | None = None
    app: str = ""
    note: Note = _unnoted

    def may(self, right: str) -> bool:
        """Tell whether the app roles allow `right`; what they do not is left out of the answer."""
        by = least(self.roles, GRAPH[right])
        if by is not None:
            self.note(right, by)
        return by is not None

    def demand(self, right: str) -> None:
        """Refuse (403) unless the app roles allow `right`, in the words of the part of Graph that it belongs to."""
        if not self.may(right):
            self.note(right, None)
            raise denied(right)

    def object_body(self, *allowed: str) -> dict[str, Any]:
        """Return the JSON object of the body by the names in `allowed`; other properties are refused.

        Names compare without case (the SDK itself writes sendMail's "Message"), annotations are ignored.
        """
        body = {} if self.body is None else self.body
        if not isinstance(body, dict):
            raise bad_request("Unable to read JSON request payload.", "BadRequest")
        known = {name.lower(): name for name in allowed}
        named = {}
        for name, value in body.items():
            if name.startswith("@odata."):
                continue
            if name.lower() not in known:
                raise bad_request(f"The property '{name}' does not exist on this type.", "BadRequest")
            named[known[name.lower()]] = value
        return named


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say: status, JSON body (None: no body), extra headers."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def split_url(url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the decoded path segments and the query of a relative address."""
    parts = urlsplit(url)
    segments = tuple(unquote(s) for s in parts.path.split("/") if s)
    return segments, dict(parse_qsl(parts.query, keep_blank_values=True))


def collection(call: Call, items: Sequence[Any]) -> Answer:
    """Answer one page of `items`, with the count when asked for and a link to the next page when there is one."""
    cut = odata.page(items, call.query, call.page_size)
    path = "/".join(quote(s, safe="$.@") for s in call.segments)
    body: dict[str, Any] = {"@odata.context": f"{call.base}/$metadata#{call.segments[-1]}"}
    if call.query.get("$count") == "true":
        body["@odata.count"] = cut.total
    if cut.token:
        following = {**call.query, "$skiptoken": cut.token}
        body["@odata.nextLink"] = f"{call.base}/{path}?{urlencode(following, quote_via=quote, safe='$')}"
    body["value"] = list(cut.items)
    return Answer(200, body)
