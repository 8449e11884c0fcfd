"""`python -m local fault`: order faults of a desk that runs, look at them, forget them."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from local.fault_words import CATALOGUE, FORGETS, MEANING, FaultRefused, Kind, parse

REFUSED = 2


def orders_of(words: Iterable[str]) -> list[str]:
    """Return the orders in a command line, whether each is one word or many: SERVICE:OPERATION begins an order."""
    orders: list[str] = []
    for word in " ".join(words).split():
        if not orders or ":" in word.partition("=")[0]:
            orders.append(word)
        else:
            orders[-1] += f" {word}"
    return orders


def kinds() -> str:
    """Return what there is to order, for a person to read."""
    lines = [f"  {kind:<9} {meaning}" for kind, meaning in MEANING.items()]
    everywhere = frozenset.intersection(
        *(k for name, known in CATALOGUE.items() if name != "host" for k in known.values())
    )
    lines += ["", f"  everywhere but host: {', '.join(k for k in Kind if k in everywhere)}; and besides:", ""]
    for service, known in CATALOGUE.items():
        lines.append(f"  {service}: {', '.join(known)}")
        for kind in Kind:
            only = [operation for operation, able in known.items() if kind in able]
            if only and (kind not in everywhere or service == "host"):
                lines.append(f"    {kind}: {', '.join(only)}")
    lines += ["", "  restart forget:", *(f"    {service}: {what}" for service, what in FORGETS.items())]
    return "\n".join(lines) + "\n"


def command(words: Sequence[str], *, endpoints: Path, clear: bool) -> int:
    """Clear the orders when asked to, order what is in `words`, and print how things stand; return the exit code."""
    try:
        orders = orders_of(words)
        for order in orders:
            parse(order)
        told = json.loads(endpoints.read_text(encoding="utf-8"))["faults"]
        state: dict[str, Any] = {}
        if clear:
            state = ask(told, "DELETE")
        if orders or not clear:
            state = ask(told, "POST" if orders else "GET", {"orders": orders} if orders else None)
    except FaultRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return REFUSED
    except (FileNotFoundError, KeyError, urllib.error.URLError):
        sys.stderr.write(f"{endpoints} names no desk that runs: start one with `python -m local up`\n")
        return REFUSED
    for one in state["standing"]:
        sys.stdout.write(f"stands    {one['order']} (happened {one['happened']})\n")
    for what, count in state["happened"].items():
        sys.stdout.write(f"happened  {what}: {count}\n")
    return 0


def ask(told: dict[str, str], verb: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Call a desk's control endpoint, by its entry in the endpoints file. Raises FaultRefused, URLError."""
    request = urllib.request.Request(  # noqa: S310 - the desk's own address, on loopback
        told["url"],
        method=verb,
        data=None if body is None else json.dumps(body).encode(),
        headers={"X-Local-Control": told["secret"], "Content-Type": "application/json"},
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 400:  # noqa: PLR2004 - the desk's refusal
            raise FaultRefused(json.load(error)["error"]) from error
        raise
    return found
