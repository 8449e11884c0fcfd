"""Where the real services are, read from the environment; everything that is missing or wrong is said at once.

`docs/contract-azure.md` tells what each one is and how to make it.
"""

import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

GRAPH = "https://graph.microsoft.com/v1.0"
TARGET, RUN = "CONTRACT_TARGET", "CONTRACT_RUN"
_JOURNAL = Path(".cache") / "contract-made.jsonl"
_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_HOST = r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"

# name -> what it is, and the form that it has
REQUIRED = {
    "CONTRACT_TENANT_ID": ("the test tenant's id", _GUID),
    "CONTRACT_USER_DOMAIN": ("a verified domain of it, for the accounts that the run makes", _HOST),
    "CONTRACT_BUS_NAMESPACE": ("the namespace's host name, NAME.servicebus.windows.net", _HOST),
    "CONTRACT_VAULT_URL": ("the vault's URL", r"https://[^/]+/?"),
    "CONTRACT_TABLES_URL": ("the storage account's table endpoint", r"https://\S+"),
}
OPTIONAL = {
    "CONTRACT_GRAPH_URL": (f"Graph's address if not {GRAPH}", r"https?://\S+/v1\.0"),
    "CONTRACT_EXCLUDED_GROUP_ID": ("a group that the policy for passes excludes", _GUID),
    "CONTRACT_JOURNAL": (f"where the run notes what it made, if not {_JOURNAL}", r".+"),
}


class Incomplete(ValueError):
    """Settings that cannot be run with; `problems` holds one line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to run, and as part of which run: `run` begins the name of everything that is made."""

    tenant_id: str
    user_domain: str
    bus_namespace: str
    vault_url: str
    tables_url: str
    graph_url: str
    excluded_group_id: str | None
    journal: Path
    run: str


def new_run() -> str:
    """Return a name that nothing anywhere has yet: letters and digits, fit for tables, secrets and accounts."""
    return f"pdc{uuid.uuid4().hex[:12]}"


def asked() -> bool:
    """Tell whether this process tests the real services instead of the desk."""
    return os.environ.get(TARGET) == "azure"


def read(environ: Mapping[str, str]) -> Settings:
    """Return the settings. Raises Incomplete with everything that is missing or has not its form."""
    problems = []
    for name, (what, form) in (REQUIRED | OPTIONAL).items():
        value = environ.get(name, "").strip()
        if not value and name in REQUIRED:
            problems.append(f"{name} is not set: {what}")
        elif value and not re.fullmatch(form, value):
            problems.append(f"{name} is not {what}")
    if problems:
        raise Incomplete(problems)
    return Settings(
        tenant_id=environ["CONTRACT_TENANT_ID"].strip().lower(),
        user_domain=environ["CONTRACT_USER_DOMAIN"].strip(),
        bus_namespace=environ["CONTRACT_BUS_NAMESPACE"].strip(),
        vault_url=environ["CONTRACT_VAULT_URL"].strip(),
        tables_url=environ["CONTRACT_TABLES_URL"].strip(),
        graph_url=environ.get("CONTRACT_GRAPH_URL", "").strip() or GRAPH,
        excluded_group_id=environ.get("CONTRACT_EXCLUDED_GROUP_ID", "").strip().lower() or None,
        journal=Path(environ.get("CONTRACT_JOURNAL", "").strip() or _JOURNAL),
        run=environ.get(RUN, "").strip() or new_run(),
    )
