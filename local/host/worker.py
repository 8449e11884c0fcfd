"""Microsoft's worker library inside this process: index one app directory, invoke its functions.

The library speaks to its host in protobuf messages; indexing touches only a few of their fields, so plain
namespaces stand in for them. Invocations go by the library's native entry, which takes and returns `Datum`s.
That entry is not in the library's `__all__`: the version is pinned and a test imports it.
"""

import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Protocol

import azure_functions_runtime as runtime
from azure_functions_runtime import native_invocation
from azure_functions_runtime.bindings.datumdef import Datum as _LibraryDatum


class Datum(Protocol):
    """One value as host and worker exchange it: `type` is the name of its wire type."""

    value: Any
    type: str


def datum(value: object, kind: str) -> Datum:
    """Return `value` as a datum of the wire type `kind` (string, bytes, json, http, …)."""
    made: Datum = _LibraryDatum(value, kind)
    return made


class AppRefused(Exception):
    """The worker could not index the app; the text is the worker's own."""


@dataclass(frozen=True, slots=True)
class Function:
    """One indexed function with its bindings as the worker reports them (`%NAME%` unresolved)."""

    name: str
    function_id: str
    bindings: tuple[dict[str, Any], ...]
    has_retry: bool

    @property
    def trigger(self) -> dict[str, Any]:
        """Return the binding that starts the function."""
        return next(b for b in self.bindings if str(b["type"]).lower().endswith("trigger"))

    @property
    def kind(self) -> str:
        """Return the trigger's type: serviceBusTrigger, timerTrigger or httpTrigger."""
        return str(self.trigger["type"])

    @property
    def outputs(self) -> tuple[dict[str, Any], ...]:
        """Return the bindings that carry something out, without the HTTP answer."""
        return tuple(
            b
            for b in self.bindings
            if str(b.get("direction", "")).upper() in ("OUT", "INOUT") and str(b["type"]).lower() != "http"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one invocation; `error` is empty when it succeeded."""

    ok: bool
    returned: Datum | None = None
    outputs: tuple[tuple[str, Datum], ...] = ()
    error: str = ""
    trace: str = ""


class _BindingInfo(SimpleNamespace):
    undefined: ClassVar[int] = 0
    out: ClassVar[int] = 1
    inout: ClassVar[int] = 2


class _StatusResult(SimpleNamespace):
    Failure: ClassVar[int] = 0
    Success: ClassVar[int] = 1


_PROTOS = SimpleNamespace(
    BindingInfo=_BindingInfo,
    StatusResult=_StatusResult,
    FunctionMetadataResponse=SimpleNamespace,
    RpcException=SimpleNamespace,
    RpcFunctionMetadata=SimpleNamespace,
    RpcRetryOptions=SimpleNamespace,
    WorkerInitResponse=SimpleNamespace,
    WorkerMetadata=SimpleNamespace,
)


async def index(app_directory: Path) -> tuple[Function, ...]:
    """Import the app in `app_directory` (absolute) and return its functions; one process holds one app.

    The environment must hold the app's settings before. Raises AppRefused as the host would log it.
    """
    script = os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
    if not (app_directory / script).is_file():
        # The library would take the app for an old-style one and report no functions and no error.
        raise AppRefused(f"{script} is not in the app's directory")
    sys.path.insert(0, str(app_directory))
    os.chdir(app_directory)
    runtime.start_threadpool_executor()
    init = SimpleNamespace(capabilities={}, function_app_directory=str(app_directory))
    response = await runtime.worker_init_request(
        SimpleNamespace(
            request=SimpleNamespace(worker_init_request=init),
            properties={"host": "127.0.0.1", "protos": _PROTOS},
        )
    )
    if response.result.status != _StatusResult.Success:
        failure = response.result.exception
        raise AppRefused(f"{failure.message}\n{failure.stack_trace}")
    metadata = await runtime.functions_metadata_request(None)
    return tuple(
        Function(
            name=found.name,
            function_id=found.function_id,
            bindings=tuple(json.loads(text) for text in found.raw_bindings),
            has_retry=bool(found.retry_options),
        )
        for found in metadata.function_metadata_results or ()
    )


async def invoke(
    function: Function,
    invocation_id: str,
    inputs: Sequence[tuple[str, Datum | None]],
    metadata: Mapping[str, Datum],
) -> Outcome:
    """Run one invocation; call it in a task of its own, because the library sets a context variable.

    Nothing escapes: a handler that raises SystemExit or is cancelled has failed, as a lost worker would.
    """
    try:
        ok, returned, outputs, error, trace = await native_invocation.invocation_request_native(
            invocation_id, function.function_id, list(inputs), dict(metadata)
        )
    except BaseException as escaped:  # noqa: BLE001 - the library lets these through, the host must not
        return Outcome(ok=False, error=repr(escaped), trace=traceback.format_exc())
    return Outcome(ok=ok, returned=returned, outputs=tuple(outputs or ()), error=error or "", trace=trace or "")
