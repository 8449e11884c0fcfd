"""The courier's routes, called as the host calls them, over a courier in memory."""

import importlib
import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import azure.functions as func
import pytest

from local.host.routes import compile_route
from shared.domain.passcode import IdToken
from shared.flows.services import CourierServices

TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')
WRONG = "00000000-0000-4000-8000-000000000000"  # a request that never was
_USERS = ("door", "hand_over", "not_me", "approvals")

type Route = tuple[str, frozenset[str], Any]


def product(patch: pytest.MonkeyPatch) -> ModuleType:
    """Return the product's table of contents, read as the courier."""
    patch.setenv("PASSDESK_ROLE", "courier")
    return importlib.import_module("function_app")


def routes(app: ModuleType) -> tuple[Route, ...]:
    """Return every route of the courier, with its methods and its function."""
    found = []
    for function in app.build("courier").get_functions():
        trigger = function.get_trigger().get_dict_repr()
        if trigger["type"] == "httpTrigger":
            methods = frozenset(str(getattr(m, "value", m)) for m in trigger["methods"])
            found.append((str(trigger["route"]), methods, function.get_user_function()))
    return tuple(found)


def use(patch: pytest.MonkeyPatch, services: CourierServices) -> None:
    """Let every route work with these services."""
    for module in _USERS:
        patch.setattr(f"functions.{module}.courier_services", lambda: services)


@dataclass(frozen=True, slots=True)
class Site:
    """The courier's site."""

    routes: tuple[Route, ...]

    async def call(
        self, method: str, path: str, token: IdToken | None = None, body: bytes = b"", **headers: str
    ) -> func.HttpResponse | None:
        """Return the answer of the function that has this route and method, or None: the host answers 404."""
        for template, methods, function in self.routes:
            values = compile_route(template).match(path.partition("?")[0])
            if values is not None and method in methods:
                sent = {**headers, **({"X-MS-TOKEN-AAD-ID-TOKEN": token.reveal()} if token else {})}
                answer = await function(func.HttpRequest(method, path, headers=sent, route_params=values, body=body))
                assert isinstance(answer, func.HttpResponse)
                return answer
        return None

    async def get(self, path: str, token: IdToken | None = None, **headers: str) -> func.HttpResponse:
        """Open a page."""
        answer = await self.call("GET", path, token, b"", **headers)
        assert answer is not None
        return answer

    async def post(
        self, path: str, fields: dict[str, str] | bytes, token: IdToken | None = None, **headers: str
    ) -> func.HttpResponse:
        """Send a form."""
        body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
        answer = await self.call("POST", path, token, body, **headers)
        assert answer is not None
        return answer

    async def form(self, path: str, token: IdToken, action: str = "", **fields: str) -> func.HttpResponse:
        """Open a page and send its form; `action` is where that goes, when it is not the page itself."""
        seen = TOKEN.search((await self.get(path, token)).get_body().decode())
        assert seen is not None
        return await self.post(action or path, {"token": seen.group(1), **fields}, token)


def headers_of(answer: func.HttpResponse) -> dict[str, str]:
    """Return a page's headers by their small names."""
    return {key.lower(): value for key, value in answer.headers.items()}
