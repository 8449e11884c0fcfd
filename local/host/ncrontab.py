"""NCRONTAB, the schedule language of timer triggers: six fields from the second on, or five without it.

As in the NCrontab library, and unlike cron, a day must match both its month day and its weekday.
"""

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_FIVE_FIELDS = 5
_SIX_FIELDS = 6
_YEARS_AHEAD = 9  # 29 February comes again within eight years
_HORIZON_DAYS = _YEARS_AHEAD * 366


@dataclass(frozen=True, slots=True)
class Schedule:
    """The instants of one expression, evaluated in UTC as Azure does by default."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @property
    def is_frequent(self) -> bool:
        """Tell whether it can fire more than once a minute (the host keeps no status for these)."""
        return len(self.seconds) > 1

    def after(self, instant: datetime) -> datetime | None:
        """Return the first occurrence later than `instant`, or None when there is none within nine years."""
        start = instant.replace(microsecond=0) + timedelta(seconds=1)
        day = start.replace(hour=0, minute=0, second=0)
        for _ in range(_HORIZON_DAYS):
            if self._has_day(day):
                found = self._in_day(day, start)
                if found is not None:
                    return found
            day = self._next_day(day)
        return None

    def contains(self, instant: datetime | None) -> bool:
        """Tell whether `instant` is one of the occurrences."""
        return instant is not None and self.after(instant - timedelta(seconds=1)) == instant

    def _has_day(self, day: datetime) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _next_day(self, day: datetime) -> datetime:
        if day.month not in self.months:
            last = calendar.monthrange(day.year, day.month)[1]
            return day.replace(day=last) + timedelta(days=1)
        return day + timedelta(days=1)

    def _in_day(self, day: datetime, start: datetime) -> datetime | None:
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                begin = day.replace(hour=hour, minute=minute)
                if begin + timedelta(seconds=59) < start:
                    continue
                for second in sorted(self.seconds):
                    if begin.replace(second=second) >= start:
                        return begin.replace(second=second)
        return None


def parse(expression: str) -> Schedule:
    """Read an expression; raises ValueError. A TimeSpan is refused: it exists on App Service plans only."""
    fields = expression.split()
    if len(fields) == _FIVE_FIELDS:
        fields = ["0", *fields]
    if len(fields) != _SIX_FIELDS:
        raise ValueError(f"The schedule expression '{expression}' was not recognized as a valid cron expression.")
    try:
        return Schedule(*(_field(text, position) for position, text in enumerate(fields)))
    except ValueError as error:
        raise ValueError(f"The schedule expression '{expression}' was not recognized: {error}") from error


def _field(text: str, position: int) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        values |= _part(part, position)
    return frozenset(values)


def _part(text: str, position: int) -> set[int]:
    low, high = _RANGES[position]
    span, slash, step_text = text.partition("/")
    step = int(step_text) if slash else 1
    if step < 1:
        raise ValueError(f"'{text}' has no step of one or more")
    if span == "*":
        return set(range(low, high + 1, step))
    first_text, dash, last_text = span.partition("-")
    first = _value(first_text, position)
    alone = high if slash else first
    last = _value(last_text, position) if dash else alone
    if not low <= first <= high or not low <= last <= high or first > last:
        raise ValueError(f"'{text}' is outside {low} to {high}")
    return set(range(first, last + 1, step))


def _value(text: str, position: int) -> int:
    names = {4: _MONTHS, 5: _DAYS}.get(position, ())
    short = text[:3].lower()
    if short in names:
        return names.index(short) + (1 if position == 4 else 0)  # noqa: PLR2004 - months count from one
    return int(text)
