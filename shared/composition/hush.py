"""Silences what a library would write of our tokens, where its records are made."""

import logging

# At DEBUG hpack writes each block of HTTP/2 headers as it is sent (`Encoded header block to ...`). The Authorization
# header is in it, Huffman-coded: hpack's own decoder reads the bearer token back. The other libraries were looked at,
# at DEBUG, over a whole reveal: tests/canary/test_sdk_logs.py.
TALKATIVE = ("hpack",)


def hush() -> None:
    """Let these loggers, and those below them, make no record under INFO, whatever level the root has.

    A filter on the root logger would not do: it does not see the records of the loggers below it.
    """
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.INFO)
