"""Passdesk's table of contents: what wakes it, in the order of the flow.

One code base, two roles, always two apps with two identities: the issuer decides and mints and has no HTTP; the
courier tells the recipient and shows the passcode once, and cannot mint. `PASSDESK_ROLE` says which this one is.
"""

import os

import azure.functions as func

from functions import (
    approvals,
    asks,
    dead_letters,
    deliver,
    hand_over,
    health,
    intake,
    issue,
    not_me,
    static_files,
    timers,
)

ROLES = {
    "issuer": (
        intake.blueprint,  # HR and ticket events -> one request in the ledger
        issue.blueprint,  # a wake-up -> verdict, pass, vault
        asks.blueprint,  # what a signed-in recipient asks, by way of the courier
        timers.blueprint,  # clean up, re-drive
        dead_letters.blueprint,  # what could not be worked on ends in `failed`
    ),
    "courier": (
        deliver.blueprint,  # a pass is ready, or a question -> notice to whom it is for
        hand_over.blueprint,  # the page on which the recipient reveals it, once
        not_me.blueprint,  # the page on which recipient or person says that they know nothing of a pass
        approvals.blueprint,  # the page on which a second person approves or declines
        static_files.blueprint,  # style, script and icon of the pages
        health.blueprint,  # ok or failed for each part, for a monitor
    ),
}


def build(role: str) -> func.FunctionApp:
    """Return the app of one role. Raises ValueError for a role that does not exist."""
    if role not in ROLES:
        msg = f"PASSDESK_ROLE must be one of {', '.join(sorted(ROLES))}"
        raise ValueError(msg)
    functions = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for blueprint in ROLES[role]:
        functions.register_functions(blueprint)
    return functions


app = build(os.environ.get("PASSDESK_ROLE", ""))
