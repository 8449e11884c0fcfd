"""Names and trust for processes of the desk: what DNS and public certificates would do in Azure.

The Service Bus client always goes to port 5671 and trusts only what `certifi` names, so a process that runs the
unmodified product here gets both from this module. Nothing of the product knows of it.
"""

import fnmatch
import socket
from collections.abc import Callable, Mapping
from typing import Any

import certifi

_LOOPBACK = "127.0.0.1"

type _Resolve = Callable[..., list[Any]]


def install(ca_file: str, servers: Mapping[tuple[str, int], tuple[str, int]]) -> Callable[[], None]:
    """Let this process trust `ca_file` (PEM) where it would ask certifi, and find `servers`.

    `servers` maps a host (a glob such as `*.servicebus.localhost`) and port to the address and port that
    listen for it. Every other name ending in `.localhost` means 127.0.0.1 (RFC 6761). Returns what undoes it.
    """
    resolve: _Resolve = socket.getaddrinfo
    where = certifi.where

    def resolve_here(host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return resolve(*_here(host, port, servers), *args, **kwargs)

    def where_here() -> str:
        return ca_file

    socket.getaddrinfo = resolve_here
    certifi.where = where_here

    def undo() -> None:
        socket.getaddrinfo = resolve
        certifi.where = where

    return undo


def _here(host: Any, port: Any, servers: Mapping[tuple[str, int], tuple[str, int]]) -> tuple[Any, Any]:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if not isinstance(name, str):
        return host, port
    name = name.lower().rstrip(".")
    for (pattern, wanted_port), listener in servers.items():
        if str(port) == str(wanted_port) and fnmatch.fnmatchcase(name, pattern.lower()):
            return listener
    return (_LOOPBACK, port) if name.endswith(".localhost") else (host, port)
