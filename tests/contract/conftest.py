"""The target: the desk in this process, or the real services where `make contract-azure` says so."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from azure.identity.aio import DefaultAzureCredential

from local import ca, rights
from local.tokens import Signer
from tests.contract import stage
from tests.contract.people import OwnPeople
from tests.contract.questions import Answers
from tests.contract.services import Services
from tests.contract.settings import asked, read

ANSWERS = pytest.StashKey[Answers]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin with no answers."""
    config.stash[ANSWERS] = Answers()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what the services answered to what no document says."""
    if asked():
        terminalreporter.section("what no document says")
        for line in config.stash[ANSWERS].lines():
            terminalreporter.write_line(line)


@pytest.fixture
def answers(pytestconfig: pytest.Config) -> Answers:
    """Return where answers are noted."""
    return pytestconfig.stash[ANSWERS]


@pytest.fixture(scope="session")
def signer() -> Signer:
    """Return one signing key for all tests: making it is the slow part."""
    return Signer()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> ca.Certificates:
    """Return a throw-away authority and its server certificate."""
    return ca.make(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> rights.Identity:
    """Let the desk know somebody who may do what a run does."""
    monkeypatch.setattr(rights, "IDENTITIES", (*rights.IDENTITIES, stage.OPERATOR))
    return stage.OPERATOR


@pytest.fixture(params=["azure" if asked() else "desk"])
async def services(
    request: pytest.FixtureRequest,
    signer: Signer,
    certificates: ca.Certificates,
    operator: rights.Identity,
    tmp_path: Path,
) -> AsyncIterator[Services]:
    """Return the target: nothing that uses it knows which one it is."""
    assert operator in rights.IDENTITIES
    async with AsyncExitStack() as stack:
        if request.param == "azure":
            credential = await stack.enter_async_context(DefaultAzureCredential())
            yield Services(read(os.environ), credential)
            return
        desk = await stage.start(stack, certificates, signer)
        trust = {"connection_verify": str(certificates.ca)}
        yield Services(desk.settings(tmp_path / "made.jsonl"), stage.OperatorCredential(signer), trust)


@pytest.fixture
async def people(services: Services) -> AsyncIterator[OwnPeople]:
    """Return the way to people of our own; all of them are removed afterwards."""
    made = services.people()
    yield made
    await made.clean_up()
