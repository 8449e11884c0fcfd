"""`python -m local up` starts the desk and stays, `fault` orders faults of it, `demo` plays a working day on one."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from local.bus.config import ENTITIES_FILE

if TYPE_CHECKING:
    from local.apps import App

_REMEMBERED = 1_000  # passcodes and rows, of a desk that stays
ENDPOINTS = Path(".local") / "endpoints.json"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="start the stand-ins (and, when all of them run, both apps) and stay")
    up.add_argument("--only", default="", help="comma separated: bus,vault,graph,tables,identity")
    up.add_argument("--config", type=Path, default=ENTITIES_FILE, help="bus entities (Service Bus emulator's format)")
    up.add_argument("--throttle", choices=("S", "M", "L"), help="documented limits, for a tenant of this size")
    up.add_argument("--endpoints", type=Path, default=ENDPOINTS, help="where to write the endpoints")
    up.add_argument("--habit", action="append", default=[], help="NAME=yes|no, settle=SECONDS or all=other: README.md")
    fault = verbs.add_parser("fault", help="order faults of a desk that runs; without an order, list them")
    fault.add_argument("order", nargs="*", help="SERVICE:OPERATION KIND [count= p= seed= after= seconds= role= forget]")
    fault.add_argument("--list", action="store_true", help="print what stands and what happened (also the default)")
    fault.add_argument("--clear", action="store_true", help="forget all orders first")
    fault.add_argument("--kinds", action="store_true", help="print all that can be ordered")
    fault.add_argument("--endpoints", type=Path, default=ENDPOINTS, help="which desk")
    demo = verbs.add_parser("demo", help="play a working day; exit 0 when every promise held, 1 when one broke")
    demo.add_argument("--json", type=Path, help="write the closing report here")
    demo.add_argument("--break", dest="broken", help="break a promise, to see it noticed")
    demo.add_argument("--fault", action="append", default=[], help="order a fault (`fault --kinds`); may be repeated")
    demo.add_argument("--chaos", type=int, metavar="SEED", help="faults on every service, by chance of this seed")
    demo.add_argument("--keep", action="store_true", help="stay up afterwards")
    demo.add_argument("--list-breaks", action="store_true", help="print the names for --break")
    return parser


async def _up(asked: argparse.Namespace) -> int:
    from local.apps import DidNotStart, launch_all  # noqa: PLC0415 - a wrong option must not cost a second of imports
    from local.bus.config import ConfigRefused  # noqa: PLC0415 - as above
    from local.desk import SERVICES, Desk, DeskOptions  # noqa: PLC0415 - as above
    from local.directory.budget import Size  # noqa: PLC0415 - as above
    from local.habits import ASSUMED, UnknownHabit  # noqa: PLC0415 - as above
    from local.keeper import Keeper  # noqa: PLC0415 - as above

    try:
        habits = ASSUMED.changed(asked.habit)
    except UnknownHabit as error:
        sys.stderr.write(f"unknown habit {error}\n")
        return 2
    chosen = tuple(name.strip() for name in asked.only.split(",") if name.strip()) or SERVICES
    unknown = sorted(set(chosen) - set(SERVICES))
    if unknown:
        sys.stderr.write(f"unknown in --only: {', '.join(unknown)} (there are {', '.join(SERVICES)})\n")
        return 2
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    endpoints: Path = asked.endpoints
    folder = endpoints.resolve().with_name(f"{endpoints.stem}-desk")  # two desks may keep their files side by side
    try:
        options = DeskOptions(
            directory=folder,
            only=chosen,
            entities=asked.config.resolve(),
            throttled=Size(asked.throttle) if asked.throttle else None,
            remember=_REMEMBERED,
            habits=habits,
        )
        desk = Desk(options)
    except (ConfigRefused, OSError, ValueError) as error:
        sys.stderr.write(f"{asked.config}: {error}\n")
        return 2
    apps: dict[str, App] = {}
    keeper = Keeper(desk, apps, timedelta)
    try:
        await desk.start()
        if desk.options.whole:
            apps.update({app.role: app for app in await launch_all(desk)})
        desk.write_endpoints(endpoints)
        sys.stdout.write("ready\n" + json.dumps({k: v for k, v in desk.endpoints().items() if k != "people"}, indent=2))
        sys.stdout.write(f"\nendpoints: {endpoints}\n")
        sys.stdout.flush()
        await over.wait()
    except DidNotStart as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    finally:
        await keeper.close()
        await asyncio.gather(*(app.stop() for app in apps.values()))
        await desk.stop()
        with contextlib.suppress(FileNotFoundError):
            endpoints.unlink()
    return 0


def _fault(asked: argparse.Namespace) -> int:
    from local.fault_command import command, kinds  # noqa: PLC0415 - `--help` needs none of it

    if asked.kinds:
        sys.stdout.write(kinds())
        return 0
    return command(asked.order, endpoints=asked.endpoints, clear=asked.clear)


def main() -> int:
    """Run the command line; return the exit code."""
    asked = _parser().parse_args()
    return _fault(asked) if asked.verb == "fault" else _play(asked)


def _play(asked: argparse.Namespace) -> int:
    from local.desk import NotHere, refuse_in_azure  # noqa: PLC0415 - `--help` must not cost a second of imports
    from local.fault_words import FaultRefused  # noqa: PLC0415 - as below

    try:
        refuse_in_azure(os.environ)
        if asked.verb == "up":
            return asyncio.run(_up(asked))
        from local.demo.run import Options, demo  # noqa: PLC0415 - as above
        from local.demo.sabotage import BREAKS  # noqa: PLC0415 - as above
        from local.fault_command import orders_of  # noqa: PLC0415 - as above
        from local.fault_words import parse  # noqa: PLC0415 - as above

        if asked.list_breaks:
            sys.stdout.write("".join(f"{name}\n" for name in BREAKS))
            return 0
        if asked.broken and asked.broken not in BREAKS:
            sys.stderr.write(f"unknown break (there are {', '.join(BREAKS)})\n")
            return 2
        options = Options(
            json_file=asked.json,
            broken=asked.broken,
            keep=asked.keep,
            faults=tuple(parse(order) for order in orders_of(asked.fault)),
            chaos=asked.chaos,
        )
        return asyncio.run(demo(options))
    except (NotHere, FaultRefused) as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
