"""What a table, a key, a property and a row may be.

Limits: learn.microsoft.com, "Understanding the Table service data model"; the texts are the service's.
"""

import re
from collections.abc import Mapping

from local.ledger import refused
from local.ledger.edm import Value, check, size_of, utf16_bytes
from local.ledger.refused import Refused

MAX_PROPERTIES = 252
MAX_ENTITY_BYTES = 1024 * 1024
MAX_KEY_BYTES = 1024
MAX_NAME_CHARACTERS = 255
KEYS = ("PartitionKey", "RowKey")

_SYSTEM = (*KEYS, "Timestamp")
_FORBIDDEN_IN_KEY = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")
_TABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_MIN_TABLE_NAME, _MAX_TABLE_NAME = 3, 63

type Key = tuple[str, str]


def check_table_name(name: str) -> None:
    """Raise Refused unless `name` is 3 to 63 letters and digits, a letter first, and not `tables`."""
    if not _MIN_TABLE_NAME <= len(name) <= _MAX_TABLE_NAME:
        raise Refused(
            400,
            "OutOfRangeInput",
            "The specified resource name length is not within the permissible limits.",
        )
    if not _TABLE_NAME.fullmatch(name):
        raise Refused(400, "InvalidResourceName", "The specified resource name contains invalid characters.")
    if name.lower() == "tables":
        raise refused.invalid_input()


def order(key: Key) -> tuple[bytes, bytes]:
    """Return what the service sorts by: the UTF-16 units of both keys."""
    return key[0].encode("utf-16-be", "surrogatepass"), key[1].encode("utf-16-be", "surrogatepass")


def key_of(properties: Mapping[str, Value]) -> Key:
    """Return the partition key and the row key; raises Refused unless both are there and allowed."""
    for name in KEYS:
        value = properties.get(name)
        if value is None:
            raise Refused(
                400,
                "PropertiesNeedValue",
                "The values are not specified for all properties in the entity.",
            )
        if not isinstance(value, str):
            raise refused.invalid_input()
        if utf16_bytes(value) > MAX_KEY_BYTES:
            raise Refused(400, "KeyValueTooLarge", f"The {name} exceeds the maximum allowed key size (1KB).")
        if _FORBIDDEN_IN_KEY.search(value):
            raise refused.out_of_range(name, value)
    return str(properties["PartitionKey"]), str(properties["RowKey"])


def checked(properties: Mapping[str, Value]) -> dict[str, Value]:
    """Return the row's properties as they are stored; raises Refused for a name, value or size over its limit."""
    stored = {name: check(value) for name, value in properties.items() if name != "Timestamp"}
    own = [name for name in stored if name not in _SYSTEM]
    for name in own:
        if len(name) > MAX_NAME_CHARACTERS:
            raise Refused(400, "PropertyNameTooLong", "The property name exceeds the maximum allowed length.")
        if not name.isidentifier():
            raise Refused(400, "PropertyNameInvalid", f"The property name '{name}' is invalid.")
    if len(own) > MAX_PROPERTIES:
        raise Refused(
            400, "TooManyProperties", "The entity contains more properties than allowed (252 and the system's)."
        )
    # learn.microsoft.com, "Understanding the Table service data model": 4 bytes, the keys, 8 a property.
    size = 4 + sum(utf16_bytes(str(stored[name])) for name in KEYS)
    size += sum(8 + utf16_bytes(name) + size_of(stored[name]) for name in own)
    if size > MAX_ENTITY_BYTES:
        raise Refused(400, "EntityTooLarge", "The entity is larger than the maximum allowed size (1MB).")
    return stored
