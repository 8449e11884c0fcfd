"""The courier's row about a caller who opened what is not theirs: one in each caller's partition of `handovers`."""

from collections.abc import Mapping
from typing import Any

from shared.adapters.ledger_columns import VERSION, Reader, Row, fitting, flag, text, time, time_text, whole
from shared.domain.handovers import Guesses

GUESSES = "guesses"  # after every request id: they begin with a hexadecimal digit


def encode_guesses(guesses: Guesses) -> Row:
    """Return the row of a caller's guesses. Raises TooLarge."""
    return fitting(
        {
            "PartitionKey": guesses.caller_id,
            "RowKey": GUESSES,
            "version": VERSION,
            "since": time_text(guesses.since),
            "count": guesses.count,
            "told": guesses.told,
        }
    )


def decode_guesses(row: Mapping[str, Any], etag: str | None) -> Guesses:
    """Return the guesses of a row. Raises DamagedRow."""
    read = Reader(row)
    read.expect("version", VERSION)
    read.expect("RowKey", GUESSES)
    return Guesses(
        caller_id=read.of("PartitionKey", text),
        since=read.of("since", time),
        count=read.of("count", whole),
        told=read.of("told", flag),
        etag=etag,
    )
