"""Output bindings are refused when the app starts: this host sends nothing on a function's behalf.

Azure's host re-prints JSON texts, splits arrays into messages, and turns bytes into the text
"System.Byte[]"; no message id or session can be set. An app that cares sends with the SDK, so a binding
here is most likely a mistake.
"""

from collections.abc import Iterable

from local.host.worker import Function


class OutputRefused(Exception):
    """A function declares an output binding that this host does not serve."""


def refuse(functions: Iterable[Function]) -> None:
    """Raise OutputRefused for the first output binding other than an HTTP answer."""
    for function in functions:
        for binding in function.outputs:
            raise OutputRefused(
                f"function '{function.name}' declares the output binding '{binding.get('name')}' "
                f"({binding['type']}): this host has no output bindings, send with the SDK"
            )
