"""One table for the Azure SDKs' errors, and one for Retry-After."""

from datetime import timedelta
from types import SimpleNamespace

import aiohttp
import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
)

from shared.adapters.azure_fates import fate_of, settle
from shared.adapters.retry_after import retry_after
from shared.domain.fates import Conflict, Failure, GiveUp, TryLater, Unknown


def answered(status: int, kind: type[HttpResponseError] = HttpResponseError, **headers: str) -> HttpResponseError:
    """Return the SDK's error for a status."""
    response = SimpleNamespace(status_code=status, reason="", headers=headers, text=str)
    return kind(message="passcode", response=response)


REFUSED = aiohttp.ClientConnectorError(SimpleNamespace(ssl=True, host="h", port=1), OSError())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (answered(400), GiveUp),
        (answered(401), TryLater),
        (answered(401, ClientAuthenticationError), TryLater),
        (answered(403), GiveUp),
        (answered(403, ClientAuthenticationError), GiveUp),
        (answered(404), GiveUp),
        (answered(408), Unknown),
        (answered(409), Conflict),
        (answered(412), Conflict),
        (answered(429), TryLater),
        (answered(500), Unknown),
        (answered(503), Unknown),
        (ClientAuthenticationError(message="no token"), TryLater),
        (ServiceRequestError(REFUSED, error=REFUSED), TryLater),
        (ServiceRequestTimeoutError("connecting"), TryLater),
        (ServiceRequestError("cut"), Unknown),
        (ServiceResponseError("cut"), Unknown),
        (AzureError("?"), Unknown),
        (TimeoutError(), Unknown),
        (OSError(), Unknown),
    ],
)
async def test_each_error_has_its_fate(error: Exception, fate: type[Failure]) -> None:
    """Certainly not done, refused for good, beaten by somebody, or unknown; its text goes nowhere."""
    found = fate_of("here", error, Unknown)
    assert type(found) is fate
    assert "passcode" not in f"{found} {found.__notes__}"

    async def fail() -> None:
        raise error

    with pytest.raises(fate) as raised:
        await settle("here", fail(), lost=Unknown)
    assert raised.value.__cause__ is raised.value.__context__ is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 10),
        ({"Retry-After": "47"}, 47),
        ({"retry-after": "1.5"}, 1.5),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "-5"}, 1),
        ({"Retry-After": "999999"}, 3600),
        ({"Retry-After": "1e400"}, 10),
        ({"Retry-After": "nan"}, 10),
        ({"Retry-After": "soon"}, 10),
        ({"Retry-After": "Mon, 30 Nov 2026 12:01:00 GMT", "Date": "Mon, 30 Nov 2026 12:00:00 GMT"}, 60),
        ({"Retry-After": "Mon, 30 Nov 2026 12:01:00 GMT"}, 10),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(headers: dict[str, str], seconds: float) -> None:
    """Seconds, or a date measured from the answer's own; nonsense means the default."""
    assert retry_after(headers) == timedelta(seconds=seconds)


async def test_a_bug_of_ours_is_no_lost_answer() -> None:
    """An AttributeError that the SDK's own error did not lead to stays what it is."""

    async def bug() -> None:
        raise AttributeError("ours")

    with pytest.raises(AttributeError, match="ours"):
        await settle("where", bug())
