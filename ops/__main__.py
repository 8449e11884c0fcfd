"""`python -m ops`: what an operator runs. Every command says what it did, or would do, and exits with a code to act on.

Settings are the app's own environment variables (`PASSDESK_…`). Without any, a command that only looks asks the
made-up tenant of the desk instead, and says so; one that acts refuses.
"""

import argparse
import asyncio
import getpass
import json
import os
import sys
import uuid
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.shown import page

if TYPE_CHECKING:
    from shared.composition.settings import Settings

USAGE, FAILED = 2, 1
_NO_SETTINGS = "no settings (PASSDESK_…) in the environment: asking the made-up tenant of the desk\n"
_FIRST_YEAR, _LAST_YEAR = 2020, 2100
_HIGHEST = 2**63  # sequence numbers are 64 bits long


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops", description="What an operator of Passdesk runs.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    explain = verbs.add_parser(
        "explain",
        help="the verdict on an event, and why; changes nothing",
        description="Exits 0: a pass would be issued; 3: refused; 4: it waits; 5: a second person must approve.",
    )
    explain.add_argument("file", type=Path, help="the event, as JSON")
    explain.add_argument("--json", action="store_true", help="print everything as JSON")
    explain.add_argument(
        "--at", type=_instant, help="judge as of this instant, or `now` (default: the event's own time)"
    )
    doctor = verbs.add_parser(
        "doctor",
        help="whether everything that Passdesk needs is there, and as it must be",
        description="Exits 0: all is well; 1: something is broken; 2: something could not be checked. Changes nothing.",
    )
    doctor.add_argument("--json", action="store_true", help="print everything as JSON")
    pause = verbs.add_parser("pause", help="stop every pass from being made; requests wait and lose nothing")
    pause.add_argument("--why", required=True, help="for whoever looks at it later")
    for verb in (pause, verbs.add_parser("resume", help="let passes be made again")):
        verb.add_argument("--by", default=_user(), help="who throws the switch (default: you)")
    _looking_after(verbs)
    return parser


def _looking_after(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    due = verbs.add_parser("due", help="what waits for what, the most urgent first; exits 3 when it waits too long")
    request = verbs.add_parser("request", help="one request").add_subparsers(dest="what", required=True)
    request.add_parser("show", help="its history as a story").add_argument("id", type=_id, help="the request's id")
    quarantine = verbs.add_parser(
        "quarantine",
        help="events that could not be worked on",
        description="Exits 3 when a message was not changed that should have been. Changes nothing without --do-it.",
    ).add_subparsers(dest="what", required=True)
    for command in (due, quarantine.add_parser("list", help="the oldest, a line each")):
        command.add_argument("--limit", type=_count, default=100, help="how many at most (default: 100)")
    quarantine.add_parser("show", help="all that is known of one").add_argument("number", type=_count)
    for name, help_ in (("replay", "send again to where it came from"), ("drop", "remove, for good")):
        command = quarantine.add_parser(name, help=help_)
        command.add_argument("numbers", type=_count, nargs="+", metavar="number", help="as `list` says it")
        command.add_argument("--do-it", action="store_true", help="without it, only say what would be done")


def _id(text: str) -> str:
    return str(uuid.UUID(text))


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number < _HIGHEST:
        raise ValueError
    return number


def _instant(text: str) -> datetime:
    moment = datetime.now(UTC) if text == "now" else datetime.fromisoformat(text)
    if moment.tzinfo is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError
    return moment.astimezone(UTC)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def main() -> int:
    """Run the command line; return the exit code."""
    asked = _parser().parse_args()
    if not any(name.upper().startswith("PASSDESK_") for name in os.environ):
        return _without_settings(asked)
    from shared.adapters.ledger_columns import DamagedRow  # noqa: PLC0415 - as above
    from shared.composition.settings import BadSettings, Settings  # noqa: PLC0415 - `--help` must not cost a second
    from shared.domain.fates import Failure  # noqa: PLC0415 - as above

    try:
        text, code = _run(asked, Settings.from_env(os.environ), datetime.now(UTC))
    except BadSettings as flaws:
        sys.stderr.write("".join(f"{name}: {flaw}\n" for name, flaw in sorted(flaws.flaws.items())))
        return USAGE
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    except Failure as failure:
        sys.stderr.write(f"{failure}{''.join(f' ({n})' for n in getattr(failure, '__notes__', ()))}\n")
        return FAILED
    except DamagedRow as damaged:
        sys.stderr.write(f"a damaged row, which nobody guesses at: {page(str(damaged))}\n")
        return FAILED
    sys.stdout.write(page(text) + "\n")
    return code


def _run(asked: argparse.Namespace, settings: "Settings", now: datetime) -> tuple[str, int]:
    from ops import doctor, explain, switch  # noqa: PLC0415 - as above

    match asked.verb:
        case "explain":
            body = asked.file.read_bytes()
            at = asked.at or explain.moment_of(body, now)
            work = explain.run(body, settings, at, as_json=asked.json)
        case "doctor":
            work = doctor.run(settings, as_json=asked.json)
        case "pause" | "resume":
            why = asked.why if asked.verb == "pause" else None
            work = switch.throw(settings, by=asked.by, why=why, now=now)
        case _:
            work = _look_after(asked, settings, now)
    return asyncio.run(work)


def _look_after(asked: argparse.Namespace, settings: "Settings", now: datetime) -> Coroutine[Any, Any, tuple[str, int]]:
    from ops import quarantine, requests  # noqa: PLC0415 - as above

    match asked.verb, getattr(asked, "what", ""):
        case "due", _:
            return requests.due(settings, limit=asked.limit, now=now)
        case "request", _:
            return requests.show(settings, asked.id, now)
        case _, "list":
            return quarantine.listed(settings, limit=asked.limit, now=now)
        case _, "show":
            return quarantine.shown(settings, asked.number, now)
        case _, verb:
            return quarantine.changed(settings, verb, asked.numbers, do_it=asked.do_it, now=now)


def _without_settings(asked: argparse.Namespace) -> int:
    if asked.verb == "doctor":
        return _desk_doctor(asked)
    if asked.verb != "explain":
        sys.stderr.write("there are no settings (PASSDESK_…) in the environment: nothing to act on\n")
        return USAGE
    from local.errand import send  # noqa: PLC0415 - the desk is not there where only the product is installed
    from ops.explain import moment_of  # noqa: PLC0415 - as above

    try:
        at = asked.at or moment_of(asked.file.read_bytes(), datetime.now(UTC))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    sys.stderr.write(_NO_SETTINGS)
    words = ["explain", str(asked.file), "--at", at.isoformat(), *(["--json"] if asked.json else [])]
    return asyncio.run(send("ops", words, at))


def _desk_doctor(asked: argparse.Namespace) -> int:
    """Ask both roles of a fresh desk, each as itself, and tell it as one."""
    from local.errand import ask_both  # noqa: PLC0415 - the desk is not there where only the product is installed
    from ops import doctor  # noqa: PLC0415 - as above
    from shared.domain.health import Health  # noqa: PLC0415 - as above

    sys.stderr.write(_NO_SETTINGS)
    document = doctor.merged(json.loads(said) for said in asyncio.run(ask_both("ops", ["doctor", "--json"])))
    sys.stdout.write(doctor.render(document, as_json=asked.json) + "\n")
    return doctor.CODES[Health(document["health"])]


if __name__ == "__main__":
    sys.exit(main())
