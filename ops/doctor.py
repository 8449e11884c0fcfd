"""`python -m ops doctor`: is everything that Passdesk needs there, and as it must be? It changes nothing that lasts.

As the app (on the desk, or on a machine of Azure's) it tries the app's own rights. As a person it looks at the rest,
and says of each right that it was not checked.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ops.services import is_app, probing
from shared.composition.check_up import subject
from shared.composition.settings import Settings
from shared.domain.health import Diagnosis, Health, overall
from shared.flows.check_up import check_up, parts_for

SCHEMA = 1
CODES = {Health.OK: 0, Health.BROKEN: 1, Health.UNCHECKED: 2}
_SIGNS = {Health.OK: "ok  ", Health.BROKEN: "BAD ", Health.UNCHECKED: "?   "}


async def examine(settings: Settings) -> tuple[Diagnosis, ...]:
    """Return everything that is found about the app that these settings are of."""
    async with probing(settings, lambda: datetime.now(UTC)) as probes:
        return await check_up(subject(settings, as_app=is_app()), probes, parts_for(settings.role))


async def run(settings: Settings, *, as_json: bool) -> tuple[str, int]:
    """Return what is to be printed, and the exit code."""
    document = describe({settings.role: await examine(settings)})
    return render(document, as_json=as_json), CODES[Health(document["health"])]


def describe(found: dict[str, tuple[Diagnosis, ...]]) -> dict[str, Any]:
    """Return findings by role as plain data. The form is stable: what changes it raises `schema`."""
    return _whole(
        [
            {
                "role": role,
                "health": overall(some).value,
                "findings": [
                    {
                        "part": one.part.value,
                        "health": one.health.value,
                        "what": one.what,
                        "why": one.why,
                        "mend": one.mend,
                    }
                    for one in some
                ],
            }
            for role, some in found.items()
        ]
    )


def merged(documents: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return several documents as one."""
    return _whole([role for document in documents for role in document["roles"]])


def render(document: dict[str, Any], *, as_json: bool) -> str:
    """Return a document as JSON, or as lines for a person: what is wrong, why that matters, how to mend it."""
    if as_json:
        return json.dumps(document, indent=2)
    lines = []
    for role in document["roles"]:
        lines.append(f"{role['role']}:")
        for one in role["findings"]:
            lines.append(f"  {_SIGNS[Health(one['health'])]} {one['part']}: {one['what']}")
            lines += [f"        {text}" for text in (one["why"], one["mend"]) if text]
    lines.append(_VERDICTS[Health(document["health"])])
    return "\n".join(lines)


_VERDICTS = {
    Health.OK: "all is well",
    Health.BROKEN: "something is broken",
    Health.UNCHECKED: "nothing is known to be broken, but not everything could be checked",
}


def _whole(roles: list[dict[str, Any]]) -> dict[str, Any]:
    seen = {role["health"] for role in roles}
    worst = next((h for h in (Health.BROKEN, Health.UNCHECKED) if h.value in seen), Health.OK)
    return {"schema": SCHEMA, "health": worst.value, "roles": roles}
