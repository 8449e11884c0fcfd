"""What Passdesk costs a month in Azure: `python -m bench.cost [--inputs FILE]` prints the table of docs/cost.md.

Every number is an input (bench/cost.toml); nothing is looked up. Free amounts are left out: they are the
subscription's, and somebody else may have used them.
"""

import argparse
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INPUTS = Path(__file__).with_name("cost.toml")
SIZES = (100, 1_000, 10_000)
_KB_IN_GB = 1_000_000
_LEAST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill: what, and dollars a month for each size."""

    what: str
    dollars: tuple[float, ...]


def load(path: Path = INPUTS) -> dict[str, Any]:
    """Return the inputs in a file. Raises OSError, ValueError."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def bill(inputs: Mapping[str, Any], sizes: tuple[int, ...] = SIZES) -> list[Line]:
    """Return the bill for so many passes a month, the sum last."""
    made = [_month(inputs, passes) for passes in sizes]
    lines = [Line(what, tuple(month[what] for month in made)) for what in made[0]]
    return [*lines, Line("together", tuple(sum(month.values()) for month in made))]


def _month(inputs: Mapping[str, Any], passes: int) -> dict[str, float]:
    prices, always, each, sizes = (inputs[name] for name in ("prices", "always", "pass", "sizes"))
    minutes = inputs["month"]["minutes"]
    timers = minutes / always["clean_up_every_minutes"] + minutes / always["re_drive_every_minutes"]
    working = passes * each["executions"]
    seconds = timers * _LEAST_SECONDS + working * max(_LEAST_SECONDS, each["seconds"])
    tables = timers * always["transactions_per_timer"] + passes * each["table_transactions"]
    vault = passes * each["vault_transactions"]
    entries = passes * (each["journal_lines"] + each["spans"]) + tables + vault + timers
    logs = ((timers + working) * sizes["host_kb_per_execution"] + entries * sizes["line_kb"]) / _KB_IN_GB
    return {
        "Service Bus Standard": inputs["month"]["hours"] * prices["bus_standard_hour"],
        "alert rules": sum(always[f"alerts_{n}_minutes"] * prices[f"alert_{n}_minutes"] for n in (5, 10, 15)),
        "Functions": seconds * sizes["memory_gb"] * prices["functions_gb_second"]
        + (timers + working) / 1_000_000 * prices["functions_million_executions"],
        "logs": logs * prices["logs_gb"],
        "storage": tables / 10_000 * prices["storage_10000_transactions"] + always["stored_gb"] * prices["storage_gb"],
        "Key Vault": vault / 10_000 * prices["vault_10000_transactions"],
    }


def table(inputs: Mapping[str, Any]) -> str:
    """Return the bill as the page has it: whole dollars, for the inputs know no better."""
    head = "| dollars a month | " + " | ".join(f"{size:,} passes" for size in SIZES) + " |"
    rows = [f"| {line.what} | {' | '.join(_whole(d) for d in line.dollars)} |" for line in bill(inputs)]
    hours, prices = inputs["month"]["hours"], inputs["prices"]
    more = _whole(hours * (prices["bus_premium_hour"] - prices["bus_standard_hour"]))
    rows.append(f"| with Service Bus Premium, in addition | {' | '.join([more] * len(SIZES))} |")
    return "\n".join([head, "| --- |" + " ---: |" * len(SIZES), *rows])


def _whole(dollars: float) -> str:
    return f"{dollars:,.0f}" if dollars >= 1 else "under 1"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.cost", description=__doc__)
    parser.add_argument("--inputs", type=Path, default=INPUTS, help="a copy of bench/cost.toml with your prices")
    print(table(load(parser.parse_args().inputs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
