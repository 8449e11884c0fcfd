"""Which trouble an Azure SDK's error is, for vault, ledger and tokens; the table says what becomes of the work.

The SDK's exception holds the whole exchange (for a vault: the passcode that was sent), so it is never chained: the
fate carries a note with the status and the service's code instead.
"""

from collections.abc import Awaitable
from typing import Any

from aiohttp import ClientConnectorError
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseTimeoutError,
)

from shared.adapters import fate_table
from shared.adapters.fate_table import Trouble, trouble_of
from shared.adapters.retry_after import retry_after
from shared.domain.fates import Failure

# Bounds for every Azure HTTP client: connections are retried briefly, statuses are ours to judge, at once.
CLIENT_BOUNDS: dict[str, Any] = {
    "retry_total": 2,
    "retry_status": 0,
    "retry_backoff_factor": 0.3,
    "connection_timeout": 5,
    "read_timeout": 20,
}


async def settle[T](operation: str, act: Awaitable[T]) -> T:
    """Return what `act` answers; whatever the SDK raises becomes the fate that the table has for it.

    Raises TryLater, GiveUp (a right is missing, or the request is wrong), Conflict, Unknown.
    """
    try:
        return await act
    except (AzureError, TimeoutError, OSError) as error:
        failure = fate_of(operation, error)
    except AttributeError as error:
        # azure-data-tables looks for an error's code in the response, and half an answer comes without one.
        if not isinstance(error.__context__, AzureError):
            raise
        failure = fate_of(operation, error.__context__)
    raise failure


def fate_of(operation: str, error: Exception) -> Failure:
    """Return the fate of a call that ended in `error`; see `settle`."""
    failure = fate_table.failure(operation, trouble(error), after=retry_after(_headers(error)))
    failure.add_note(_describe(error))
    return failure


def trouble(error: Exception) -> Trouble:
    """Return which trouble an SDK's error is."""
    status = status_of(error)
    if _unsent(error):
        return Trouble.UNSENT
    if status is not None:
        return trouble_of(status)
    if isinstance(error, ClientAuthenticationError):
        return Trouble.NO_TOKEN
    return Trouble.TIMED_OUT if isinstance(error, (ServiceResponseTimeoutError, TimeoutError)) else Trouble.CUT


def status_of(error: Exception) -> int | None:
    """Return the HTTP status in `error`, None when there was no answer."""
    return error.status_code if isinstance(error, HttpResponseError) else None


def _unsent(error: Exception) -> bool:
    """Tell whether no connection was made. The SDK calls also a cut on the way back a ServiceRequestError."""
    if isinstance(error, ServiceRequestTimeoutError):
        return True
    return isinstance(error, ServiceRequestError) and isinstance(error.inner_exception, ClientConnectorError)


def _headers(error: Exception) -> dict[str, str]:
    response = getattr(error, "response", None)
    return dict(response.headers) if response is not None else {}


def _describe(error: Exception) -> str:
    """Return what a log may say: the kind of error, status, the service's code, its request id. Never a text."""
    headers = {name.lower(): value for name, value in _headers(error).items()}
    code = getattr(getattr(error, "error", None), "code", None) or getattr(error, "error_code", None) or "-"
    code = getattr(code, "value", code)
    return (
        f"{type(error).__name__} status={status_of(error) or '-'} code={code} "
        f"request={headers.get('x-ms-request-id', '-')}"
    )
