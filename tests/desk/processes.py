"""What the kernel says of processes: children, and where they listen."""

import ipaddress
import socket
import struct
from pathlib import Path

_LISTEN = "0A"


def family(pid: int) -> set[int]:
    """Return the process and everything that it started, however deep."""
    found = {pid}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            found |= family(int(child))
    return found


def alive(pid: int) -> bool:
    """Tell whether a process still runs."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def listening(pid: int) -> set[tuple[str, int]]:
    """Return address and port of every TCP socket on which the process listens."""
    inodes = set()
    for number in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(number.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and fields[9] in inodes:
                found.add(_address(fields[1]))
    return found


def connects(port: int) -> bool:
    """Tell whether somebody answers on this port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _address(text: str) -> tuple[str, int]:
    host, port = text.split(":")
    words = [int(host[i : i + 8], 16) for i in range(0, len(host), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))), int(port, 16)
