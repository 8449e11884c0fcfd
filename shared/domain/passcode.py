"""Secrets that must never become text by accident."""

from collections.abc import Callable
from typing import NoReturn, final


class Secret:
    """A value that only `reveal()` gives: printing, formatting, copying and serialising show nothing."""

    __slots__ = ("__open",)

    def __init__(self, value: str) -> None:
        if not value:
            msg = "a secret cannot be empty"
            raise ValueError(msg)
        # In a function, not in an attribute: whoever walks over an object's attributes, as reporters of crashes and
        # serialisers do, finds a function there.
        self.__open: Callable[[], str] = lambda: value

    def reveal(self) -> str:
        """Return the value itself. The allowed callers are listed, and checked, in the tests."""
        return self.__open()

    def __repr__(self) -> str:
        return f"{type(self).__name__}('***')"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and type(other) is type(self) and other.reveal() == self.__open()

    def __hash__(self) -> int:
        return hash(type(self).__qualname__)  # the same for all: a hash of the value would help to guess it

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        msg = f"a {type(self).__name__} cannot be pickled or copied"
        raise TypeError(msg)

    def __getstate__(self) -> NoReturn:
        msg = f"a {type(self).__name__} cannot be pickled or copied"
        raise TypeError(msg)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self


@final
class Passcode(Secret):
    """The value that a person types to sign in: Graph's answer, the vault and the revealed page hold it."""

    __slots__ = ()


@final
class IdToken(Secret):
    """A signed-in caller's id token: whoever holds it could speak for them on our page."""

    __slots__ = ()
