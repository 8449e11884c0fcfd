"""Who signs in: what the provider needs to know of a person, of an app, and of a sign-in that is under way."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class Person(Protocol):
    """One user of the tenant, as far as a sign-in cares."""

    @property
    def object_id(self) -> str:
        """The person's object id."""

    @property
    def user_principal_name(self) -> str:
        """The name that the person signs in with."""

    @property
    def display_name(self) -> str:
        """The name that others see."""

    @property
    def account_enabled(self) -> bool:
        """Whether the person may sign in."""


type People = Callable[[], Iterable[Person]]


@dataclass(frozen=True, slots=True)
class App:
    """A registered app: where its codes may be sent, and its secret if it has one."""

    redirect_uris: frozenset[str]
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked authorization request."""

    client_id: str
    redirect_uri: str
    challenge: str
    scope: str
    state: str | None
    nonce: str | None
    prompt: frozenset[str]
    max_age: int | None  # seconds


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser's session at the provider: who, when, and by which methods."""

    person_id: str
    at: datetime
    amr: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stands for until `ends`."""

    asked: Asked
    signed_in: SignedIn
    ends: datetime


class SignInError(Exception):
    """The provider says no, in OAuth's words: `error`, and a description that begins with Entra's number.

    `redirect_uri` is where the refusal goes; without one it can only be shown, since nobody vouches for the caller.
    """

    def __init__(
        self, error: str, description: str, *, redirect_uri: str | None = None, state: str | None = None
    ) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.redirect_uri = redirect_uri
        self.state = state
