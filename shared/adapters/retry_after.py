"""How long a service asks us to wait: its Retry-After, in seconds or as a date (RFC 9110, 10.2.3)."""

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

_LONGEST = timedelta(hours=1)  # a request's own deadline bounds the rest; a broken header must not park it for days
_SHORTEST = timedelta(seconds=1)


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return the wait that `headers` (any spelling of their names) ask for, within one second and one hour; or None.

    A date is measured from the answer's own Date header, so that no clock of ours takes part.
    """
    known = {name.lower(): value for name, value in headers.items()}
    asked = _asked(known)
    return None if asked is None else min(max(asked, _SHORTEST), _LONGEST)


def _asked(headers: Mapping[str, str]) -> timedelta | None:
    value = headers.get("retry-after", "")
    try:
        return timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        pass
    try:
        return parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
