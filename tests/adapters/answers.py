"""What a scripted Graph answers: a whole person, and batches item by item."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from local.directory.tenant import person_id

ADA = person_id("ada")
PERSON = {
    "id": ADA,
    "userPrincipalName": "ada@contoso.com",
    "displayName": "Ada",
    "givenName": None,
    "mail": None,
    "accountEnabled": True,
    "userType": None,
    "creationType": None,
    "isManagementRestricted": None,
    "createdDateTime": "2026-11-29T08:00:00Z",
    "employeeHireDate": None,
    "lastPasswordChangeDateTime": None,
    "department": None,
    "preferredLanguage": None,
}


def batch_of(**bodies: Any) -> Callable[[web.Request], Any]:
    """Answer a batch: by item id a body, or a (status, body); items left out get an empty list."""

    async def reply(request: web.Request) -> web.StreamResponse:
        responses = []
        for item in (await request.json())["requests"]:
            given = bodies.get(item["id"], {"value": []})
            if given == "left out":
                continue
            status, body = given if isinstance(given, tuple) else (200, given)
            responses.append({"id": item["id"], "status": status, "headers": {"Retry-After": "33"}, "body": body})
        return web.json_response({"responses": responses})

    return reply
