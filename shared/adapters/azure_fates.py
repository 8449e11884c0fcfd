"""What becomes of the work when an Azure SDK raises: one table for vault, ledger and tokens.

The SDK's exception holds the whole exchange (for a vault: the passcode that was sent), so it is never chained: the
fate carries a note with the status and the service's code instead.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from aiohttp import ClientConnectorError
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
)

from shared.adapters.retry_after import retry_after
from shared.domain.fates import Conflict, Failure, GiveUp, TryLater
from shared.domain.journal import Event, note
from shared.domain.reasons import Reason

# Bounds for every Azure HTTP client: connections are retried briefly, statuses are ours to judge, at once.
CLIENT_BOUNDS: dict[str, Any] = {
    "retry_total": 2,
    "retry_status": 0,
    "retry_backoff_factor": 0.3,
    "connection_timeout": 5,
    "read_timeout": 20,
}

_TOKEN_PAUSE = timedelta(seconds=30)
_NEVER = frozenset({HTTPStatus.FORBIDDEN})
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})  # tables say 503
_CONFLICTS = frozenset({HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED})
type Lost = Callable[[str], Failure]


async def settle[T](where: str, act: Awaitable[T], *, lost: Lost = TryLater) -> T:
    """Return what `act` answers; whatever the SDK raises becomes a fate.

    `lost` makes the fate of a request that was sent and not answered, or answered with a server's error.
    Raises TryLater, GiveUp (a right is missing, or the request is wrong), Conflict (409, 412), and what `lost` makes.
    """
    try:
        return await act
    except (AzureError, TimeoutError, OSError) as error:
        failure = fate_of(where, error, lost)
    except AttributeError as error:
        # azure-data-tables looks for an error's code in the response, and half an answer comes without one.
        if not isinstance(error.__context__, AzureError):
            raise
        failure = fate_of(where, error.__context__, lost)
    raise failure


def fate_of(where: str, error: Exception, lost: Lost = TryLater) -> Failure:
    """Return the fate of a call that ended in `error`; see `settle`."""
    failure = _fate(where, error, lost)
    failure.add_note(_describe(error))
    return failure


def status_of(error: Exception) -> int | None:
    """Return the HTTP status in `error`, None when there was no answer."""
    return error.status_code if isinstance(error, HttpResponseError) else None


def _fate(where: str, error: Exception, lost: Lost) -> Failure:
    status = status_of(error)
    if _unsent(error):
        return TryLater(where)
    if status == HTTPStatus.UNAUTHORIZED or (isinstance(error, ClientAuthenticationError) and status not in _NEVER):
        return TryLater(where, _TOKEN_PAUSE)  # no token, or an outdated one: nothing was done
    if status in _BUSY:
        note(Event.THROTTLED, call=where, after=int(retry_after(_headers(error)).total_seconds()))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return TryLater(where, retry_after(_headers(error)))
    if status in _CONFLICTS:
        return Conflict(where)
    never = status is not None and HTTPStatus(status).is_client_error and status != HTTPStatus.REQUEST_TIMEOUT
    return GiveUp(where, Reason.DIRECTORY_REFUSED) if never else lost(where)


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
