"""Graph's operations that make and remove: accounts, their phones, their place in a group.

The product makes nobody and removes nobody. Whoever compares the stand-in with a real tenant does, with people made for
it: `docs/contract-azure.md`. Properties and limits: Graph v1.0, "Create user", "Delete user", "Permanently delete an
item", "Add members", "Create phoneMethod".
"""

from typing import Any

from local.directory import odata
from local.directory.calls import Answer, Call
from local.directory.errors import bad_request, not_found
from local.directory.methods import PASSWORD_ID, Kind, Method
from local.directory.people import Person, render, stamp

# A phone method's id says which of a person's three phones it is (resources/phoneAuthenticationMethod).
PHONES = {
    "mobile": "3179e48a-750b-4051-897c-87b9720928f7",
    "alternateMobile": "b6332ec1-7057-4abe-9331-3d72feddfe41",
    "office": "e37fc753-ff3b-4958-9484-eaa9425c82bc",
}
_REQUIRED = ("accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile")
_OPTIONAL = {"givenName": "given_name", "surname": "surname", "employeeId": "employee_id", "department": "department"}


def create_user(call: Call) -> Answer:
    """POST /users: 201 with Graph's default properties; who is new has a password and nothing else."""
    odata.check_options(call.query, ())
    body = call.object_body(*_REQUIRED, *_OPTIONAL)
    for name in _REQUIRED:
        if body.get(name) in (None, ""):
            raise bad_request(f"A value is required for property '{name}' of resource 'User'.", "Request_BadRequest")
    directory, now = call.directory, call.directory.clock()
    person = directory.add(
        Person(
            object_id=directory.new_id(),
            user_principal_name=str(body["userPrincipalName"]),
            display_name=str(body["displayName"]),
            created_date_time=now,
            visible_at=now,
            indexed_at=now,
            account_enabled=body["accountEnabled"] is True,
            **{ours: body[theirs] for theirs, ours in _OPTIONAL.items() if theirs in body},
        )
    )
    directory.methods.add(Method(PASSWORD_ID, person.object_id, Kind.PASSWORD, now))
    return Answer(201, {"@odata.context": f"{call.base}/$metadata#users/$entity", **render(person, None)})


def delete_user(call: Call, user: str) -> Answer:
    """DELETE /users/{id}: the account waits among the deleted items."""
    call.directory.delete(user)
    return Answer(204)


def delete_for_good(call: Call, item: str) -> Answer:
    """DELETE /directory/deletedItems/{id}: nothing is left of the account."""
    if call.directory.deleted.pop(item.lower(), None) is None:
        raise not_found(item)
    return Answer(204)


def join_group(call: Call, group: str) -> Answer:
    """POST /groups/{id}/members/$ref: the member is named by its address."""
    body = call.body if isinstance(call.body, dict) else {}
    address = body.get("@odata.id")
    if not isinstance(address, str):
        raise bad_request("The reference '@odata.id' is missing.", "Request_BadRequest")
    person = call.directory.person(address.rpartition("/")[2])
    found = call.directory.groups.get(group)
    if person.object_id in found.members:
        text = "One or more added object references already exist for the following modified properties: 'members'."
        raise bad_request(text, "Request_BadRequest")
    call.directory.groups.join(found.group_id, person.object_id)
    return Answer(204)


def add_phone(call: Call, user: str) -> Answer:
    """POST …/authentication/phoneMethods: one of each type; a mobile before an alternate, and the first is the default.

    That the first is the default, and what a second of a type is told, is unconfirmed by documentation.
    """
    body = call.object_body("phoneNumber", "phoneType")
    number, kind = body.get("phoneNumber"), body.get("phoneType")
    if not isinstance(number, str) or kind not in PHONES:
        raise bad_request("A phoneNumber and one of the phoneTypes are needed.")
    held = {m.details.get("phoneType") for m in call.directory.methods_of(user, (Kind.PHONE,))}
    if kind in held:
        raise bad_request(f"The user has a phone of the type {kind} already.")
    if kind == "alternateMobile" and "mobile" not in held:
        raise bad_request("An alternate mobile needs a mobile first.")
    details: dict[str, Any] = {"phoneNumber": number, "phoneType": kind, "smsSignInState": "notConfigured"}
    owner, now = call.directory.person(user).object_id, call.directory.clock()
    made = call.directory.methods.add(Method(PHONES[kind], owner, Kind.PHONE, now, details, default=not held))
    shown = {"id": made.method_id, "createdDateTime": stamp(made.created), **details}
    return Answer(201, {"@odata.context": f"{call.base}/$metadata#phoneMethods/$entity", **shown})
