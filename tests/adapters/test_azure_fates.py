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
    ServiceResponseTimeoutError,
)

from shared.adapters.azure_fates import settle, trouble
from shared.adapters.fate_table import Trouble, failure
from shared.adapters.retry_after import retry_after


def answered(status: int, kind: type[HttpResponseError] = HttpResponseError, **headers: str) -> HttpResponseError:
    """Return the SDK's error for a status."""
    response = SimpleNamespace(status_code=status, reason="", headers=headers, text=str)
    return kind(message="passcode", response=response)


REFUSED = aiohttp.ClientConnectorError(SimpleNamespace(ssl=True, host="h", port=1), OSError())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answered(302), Trouble.REFUSED),
        (answered(400), Trouble.REFUSED),
        (answered(401), Trouble.UNAUTHORIZED),
        (answered(401, ClientAuthenticationError), Trouble.UNAUTHORIZED),
        (answered(403), Trouble.REFUSED),
        (answered(403, ClientAuthenticationError), Trouble.REFUSED),
        (answered(404), Trouble.ABSENT),
        (answered(408), Trouble.TIMED_OUT),
        (answered(409), Trouble.CONFLICT),
        (answered(412), Trouble.CONFLICT),
        (answered(429), Trouble.THROTTLED),
        (answered(500), Trouble.SERVER_ERROR),
        (answered(503), Trouble.UNAVAILABLE),
        (ClientAuthenticationError(message="no token"), Trouble.NO_TOKEN),
        (ServiceRequestError(REFUSED, error=REFUSED), Trouble.UNSENT),
        (ServiceRequestTimeoutError("connecting"), Trouble.UNSENT),
        (ServiceRequestError("cut"), Trouble.CUT),
        (ServiceResponseError("cut"), Trouble.CUT),
        (ServiceResponseTimeoutError("slow"), Trouble.TIMED_OUT),
        (AzureError("?"), Trouble.CUT),
        (TimeoutError(), Trouble.TIMED_OUT),
        (OSError(), Trouble.CUT),
    ],
)
async def test_each_error_is_one_trouble(error: Exception, expected: Trouble) -> None:
    """What cannot be told apart is the worse one; the table has its fate, and the error's text goes nowhere."""
    assert trouble(error) is expected
    fate = type(failure("vault.store", expected))

    async def fail() -> None:
        raise error

    with pytest.raises(fate) as raised:
        await settle("vault.store", fail())
    assert "passcode" not in f"{raised.value} {raised.value.__notes__}"
    assert raised.value.__cause__ is raised.value.__context__ is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "47"}, 47),
        ({"retry-after": "1.5"}, 1.5),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "-5"}, 1),
        ({"Retry-After": "999999"}, 3600),
        ({"Retry-After": "1e400"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Mon, 30 Nov 2026 12:01:00 GMT", "Date": "Mon, 30 Nov 2026 12:00:00 GMT"}, 60),
        ({"Retry-After": "Mon, 30 Nov 2026 12:01:00 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, or a date measured from the answer's own; nonsense asks for nothing."""
    assert retry_after(headers) == (None if seconds is None else timedelta(seconds=seconds))


async def test_a_bug_of_ours_is_no_lost_answer() -> None:
    """An AttributeError that the SDK's own error did not lead to stays what it is."""

    async def bug() -> None:
        raise AttributeError("ours")

    with pytest.raises(AttributeError, match="ours"):
        await settle("vault.store", bug())
