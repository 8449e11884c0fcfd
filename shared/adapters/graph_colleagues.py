"""Whoever else has a part in somebody's request: read by object id or principal name, and all groups they are in.

Names come from tickets, so they are claims: only what can be a principal name gets into a path, and the answer must be
about exactly whom we asked for. Sources: Microsoft Graph v1.0, "Get a user" (id or userPrincipalName in the path),
"List a user's memberships" (transitive, by cast an advanced query), "List group transitive members".
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from shared.adapters import graph_parse as parse
from shared.adapters.graph_batch import Read
from shared.adapters.graph_reads import url
from shared.domain.people import Colleague, Person, Unreadable

_LONGEST_NAME = 256
# What Entra allows in a principal name: ASCII letters, digits and ' . - _ ! # ^ ~ (Entra docs, user name policies).
_PRINCIPAL_NAME = re.compile(r"[A-Za-z0-9'._!#^~-]+@[A-Za-z0-9.-]+")
_USER_CAST = "microsoft.graph.user"


def colleague_reads(names: tuple[str, ...]) -> list[Read[Any]]:
    """Return two reads for each name that can be anybody's: the person and their groups. Others need no read."""
    found: list[Read[Any]] = []
    for number, (name, possible) in enumerate(_each(names).items()):
        if not possible:
            continue
        user = f"/users/{quote(name, safe='')}"
        person = url(user, select=",".join(parse.PERSON_FIELDS))
        groups = url(f"{user}/transitiveMemberOf/microsoft.graph.group", select="id", count="true", top="999")
        found += [
            Read(f"colleague-{number}", person, _named(name), absent=lambda: None),
            Read(f"colleague-{number}-groups", groups, parse.object_id, many=True, advanced=True),
        ]
    return found


def colleagues(found: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Colleague]:
    """Return each colleague by the name that was asked for, in lower case."""
    return {name: _colleague(found, f"colleague-{number}") for number, name in enumerate(_each(names))}


def member_reads(group_ids: frozenset[str]) -> list[Read[Any]]:
    """Return the reads of everybody in these groups and the groups inside them; each is named by the group's id."""
    fields = ",".join(parse.PERSON_FIELDS)
    return [
        Read(
            group_id,
            url(f"/groups/{group_id}/transitiveMembers/{_USER_CAST}", select=fields, count="true", top="999"),
            parse.person,
            many=True,
            advanced=True,
        )
        for group_id in sorted(group_ids)
    ]


def _each(names: tuple[str, ...]) -> dict[str, bool]:
    """Return each name once, in lower case, and whether it can be anybody's.

    Lower case makes plain letters of some look-alikes (the Kelvin sign), so it is the name as given that must be plain.
    """
    possible: dict[str, bool] = {}
    for name in names:
        possible[name.casefold()] = possible.get(name.casefold(), True) and is_name(name)
    return possible


def is_name(name: str) -> bool:
    """Tell whether a text can be somebody's object id or principal name, and so get into a path."""
    return len(name) <= _LONGEST_NAME and (parse.is_guid(name) or _PRINCIPAL_NAME.fullmatch(name) is not None)


def _named(name: str) -> Any:
    def read(body: Any) -> Person:
        person = parse.person(body)
        if name not in {person.object_id.casefold(), person.user_principal_name.casefold()}:
            raise parse.Malformed("id")
        return person

    return read


def _colleague(found: Mapping[str, Any], read: str) -> Colleague:
    person = found.get(read)
    if person is None:  # the directory knows nobody of this name, or the name is nobody's
        return Colleague(None)
    groups = found[f"{read}-groups"]
    return Colleague(person, groups if isinstance(groups, Unreadable) else frozenset(groups))
