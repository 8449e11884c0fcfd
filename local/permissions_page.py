"""Holds the rights of issuer and courier against what they called, and writes `docs/permissions.md` from it.

`python -m local.permissions_page` writes the page; `--check` says what is wrong instead. What was called is read from
`.cache/calls`, one folder a run (the tests, the demo): see `calls.py`. Exit code 1: a finding; 2: nothing recorded.
"""

import argparse
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from local.calls import Called, read
from local.permissions import TABLE
from local.rights import COURIER, ISSUER, Identity

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "permissions.md"
RECORDED = ROOT / ".cache" / "calls"
RUNS = ("tests", "demo")
HOLDERS = (ISSUER, COURIER)

_HEAD = """# Permissions

Made by `make permissions` from what issuer and courier called in the end-to-end tests and the demo; do not edit.
CI fails when a right was never needed, when a lesser one would do, when a call lacked one, or when this page says
something else than the run. What each operation needs stands in `local/permissions.py`, who holds what in
`local/rights.py`; `make infra-check` holds `infra/` to the same.

*least for*: operations for which no smaller right exists. *covered*: operations for which there is a smaller one,
which is not held, because this one is needed anyway.

Each app holds two more rights, which the Functions host needs and the desk has no stand-in for: Storage Blob Data
Owner on its own host storage, and Monitoring Metrics Publisher on Application Insights.

The rights to remove methods and to revoke sessions, and the one to read the audit log, are there because the desk does
all that can be done. In Azure they are granted only when asked for: `infra/grant-graph --with-completion`,
`--with-audit`.

**`UserAuthMethod-TAP.ReadWrite.All` makes the issuer Tier-0**: it can make a pass for anybody in the tenant, a Global
Administrator included, and whoever holds a pass is that person. Microsoft does not narrow it; only the issuer's own
code refuses. Another way to it, over one administrative unit: [administrative-unit.md](administrative-unit.md).

The table with a reason for each row is `infra/modules/access.bicep`, for the directory `infra/directory.bicep`;
`make infra-check` compares both with this page.
"""
_SERVICES = {
    "graph": "Microsoft Graph (`infra/grant-graph`; the courier's `Mail.Send` by `infra/grant-mail`, for one mailbox)",
    "vault": "Key Vault data actions, on the one vault",
    "tables": "Tables: `read` is Storage Table Data Reader, `write` is Storage Table Data Contributor",
    "bus": "Service Bus: `receive` is Data Receiver, `send` is Data Sender",
}
# Opening a link does nothing yet, and how often a lock is renewed is the machine's speed: neither justifies a right.
_NO_NEED = frozenset({"attach sender", "attach receiver", "attach management", "renew-lock", "renew-session-lock"})


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One right of one identity; `on` is the table, queue or topic, else empty."""

    identity: str
    service: str
    on: str
    name: str

    def __str__(self) -> str:
        """Return it as a reader knows it."""
        return f"{self.identity} holds {self.name}{f' on {self.on}' if self.on else ''} ({self.service})"


# Rights that stay although no run needs them, each with the reason.
KEPT: Mapping[Right, str] = MappingProxyType({})


def declared(who: Identity) -> Iterator[Right]:
    """Yield every right that an identity holds."""
    yield from (Right(who.name, "graph", "", name) for name in sorted(who.graph))
    yield from (Right(who.name, "vault", "", name) for name in sorted(who.vault))
    yield from (Right(who.name, "tables", table, name) for table, name in sorted(who.tables.items()))
    yield from (Right(who.name, "bus", on, name) for on, names in sorted(who.queues.items()) for name in sorted(names))


def uses(right: Right, called: Collection[Called]) -> dict[str, bool]:
    """Return the operations that this right let through, and of each whether it is the least that would."""
    return {
        c.operation: frozenset(c.by) == TABLE[c.service][c.operation][0]
        for c in sorted(called)
        if (c.identity, c.service, c.on) == (right.identity, right.service, right.on)
        and right.name in c.by
        and c.operation not in _NO_NEED
    }


def findings(
    called: Collection[Called],
    holders: Collection[Identity] = HOLDERS,
    kept: Mapping[Right, str] = KEPT,
) -> Iterator[str]:
    """Yield what is wrong with the rights, given what was called."""
    rights = [right for who in holders for right in declared(who)]
    for right in rights:
        used = uses(right, called)
        if used and right in kept:
            yield f"{right}: it is needed, so it has no place among the kept ones"
        elif not used and right not in kept:
            yield f"{right} and never needed it"
        elif used and not any(used.values()):
            lesser = {" + ".join(sorted(TABLE[right.service][operation][0])) for operation in used}
            yield f"{right}, where less would do: {', '.join(sorted(lesser))}"
    for right in sorted(set(kept) - set(rights)):
        yield f"{right}: kept, but not held"
    names = {who.name for who in holders}
    for c in sorted(called):
        if c.identity in names and not c.allowed:
            what = f"{c.operation}{f' on {c.on}' if c.on else ''} ({c.service})"
            yield f"{c.identity} called {what} without a right to it"


def page(
    called: Collection[Called],
    holders: Collection[Identity] = HOLDERS,
    kept: Mapping[Right, str] = KEPT,
) -> str:
    """Return the page."""
    lines = [_HEAD]
    for who in holders:
        lines += [f"## {who.name}", "", "| right | on | least for | covered |", "| --- | --- | --- | --- |"]
        service = ""
        for right in declared(who):
            if right.service != service:
                service = right.service
                lines.append(f"| **{_SERVICES[service]}** | | | |")
            used = uses(right, called)
            needs = ", ".join(f"`{operation}`" for operation, is_least in used.items() if is_least)
            covers = ", ".join(f"`{operation}`" for operation, is_least in used.items() if not is_least)
            lines.append(f"| `{right.name}` | {right.on} | {kept.get(right, needs)} | {covers} |")
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    """Write the page, or check it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.permissions_page", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when something is wrong")
    asked = parser.parse_args()
    folders = [RECORDED / run for run in RUNS]
    missing = [folder.name for folder in folders if not any(folder.glob("*.jsonl"))]
    if missing:
        sys.stderr.write(f"nothing was recorded of: {', '.join(missing)} (`make permissions` runs both)\n")
        return 2
    called = read(folders)
    wrong = list(findings(called, HOLDERS))
    written = page(called, HOLDERS)
    if not asked.check:
        PAGE.write_text(written, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != written:
        wrong.append("docs/permissions.md says something else than the run: `make permissions` writes it anew")
    sys.stderr.write("".join(f"{finding}\n" for finding in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
