"""Notices: one mail, a link, no passcode; what became of it is said."""

import json
from datetime import timedelta

import pytest

from local.directory.model import Directory
from local.directory.tenant import MAILBOX, person_id
from local.directory.wire import DirectoryWire
from local.faults import Fault, Faults, Kind
from local.rights import COURIER
from local.tokens import Signer
from shared.adapters.graph_http import GraphHttp
from shared.adapters.notices.mail import MailNotices
from shared.adapters.notices.words import Words
from shared.adapters.pacer import Pacer
from shared.composition.build import graph_adapter
from shared.domain.fates import Failure, GiveUp, TryLater, Unknown
from shared.domain.handovers import ApprovalTask, Handover
from shared.domain.requests import Recipient
from tests.adapters.conftest import NOON, Credential, Ids, Scripted

DANA = Recipient(person_id("dana"), "Dana Ek", "dana@contoso.com")
HANDOVER = Handover(
    recipient_id=DANA.object_id,
    request_id="0b1e6a0c-3a0f-5c52-9a3b-3f0f4f6f7d21",
    attempt=2,
    person_name="Ada {Lund}\r\nBcc: everybody@contoso.com",
    starts=NOON,
    expires=NOON + timedelta(hours=1),
    secret_name="pass-1",
)

TASK = ApprovalTask(
    approver_id=DANA.object_id,
    request_id=HANDOVER.request_id,
    attempt=2,
    person_name=HANDOVER.person_name,
    until=NOON + timedelta(days=1),
)


@pytest.fixture
def notices(directory_wire: DirectoryWire, signer: Signer) -> MailNotices:
    """Return the courier's notices."""
    http = GraphHttp(graph_adapter(directory_wire.base_url, Credential(signer, COURIER)), Ids(), Pacer(lambda: 0.0))
    return MailNotices(http, MAILBOX, "https://pass.contoso.com/", Words())


@pytest.fixture
def scripted_notices(scripted: Scripted, signer: Signer) -> MailNotices:
    """Return notices whose Graph is the script."""
    http = GraphHttp(graph_adapter(scripted.url, Credential(signer, COURIER)), Ids(), Pacer(lambda: 0.0))
    return MailNotices(http, MAILBOX, "https://pass.contoso.com", Words())


async def test_the_recipient_gets_a_link(notices: MailNotices, directory: Directory) -> None:
    """Who waits, from when, until when, where: nothing else, and a name cannot add lines."""
    await notices.ready(DANA, HANDOVER)
    (mail,) = directory.outbox
    assert (mail.sender, mail.to, mail.content_type) == (MAILBOX, ("dana@contoso.com",), "text")
    assert mail.subject == "Passdesk: a pass for Ada {Lund} Bcc: everybody@contoso.com is ready"
    assert f"https://pass.contoso.com/handover/{HANDOVER.request_id}\n" in mail.body
    assert "from 2026-11-30 12:00 UTC until 2026-11-30 13:00 UTC" in mail.body
    assert HANDOVER.secret_name not in mail.body
    assert "{" not in mail.body.replace("{Lund}", "")


async def test_an_approver_gets_a_link(notices: MailNotices, directory: Directory) -> None:
    """About whom, until when, where: no reason, no ticket, no evidence; and a name cannot add lines."""
    await notices.approval(DANA, TASK)
    (mail,) = directory.outbox
    assert (mail.sender, mail.to, mail.content_type) == (MAILBOX, ("dana@contoso.com",), "text")
    assert mail.subject == "Passdesk: a decision about Ada {Lund} Bcc: everybody@contoso.com waits for you"
    assert f"https://pass.contoso.com/approval/{TASK.request_id}\n" in mail.body
    assert "until 2026-12-01 12:00 UTC" in mail.body
    assert mail.body.startswith("Hello Dana Ek,\n")
    assert "{" not in mail.body.replace("{Lund}", "")


@pytest.mark.parametrize(
    ("language", "hello"),
    [("", "Hello Ada"), ("nb-NO", "Hello Ada"), ("de-AT", "Guten Tag Ada"), ("fr", "Bonjour Ada")],
)
async def test_the_person_is_told_in_their_language(
    notices: MailNotices, directory: Directory, language: str, hello: str
) -> None:
    """That a pass was made, who hands it over, where to say "not me": no time, no ticket, no passcode."""
    ada = Recipient(person_id("ada"), "Ada", "ada@contoso.com")
    await notices.made(ada, HANDOVER.request_id, "Dana {Ek}\n", language)
    (mail,) = directory.outbox
    assert (mail.sender, mail.to, mail.content_type) == (MAILBOX, ("ada@contoso.com",), "text")
    assert mail.body.startswith(hello)
    assert " Dana {Ek} " in mail.body
    assert f"https://pass.contoso.com/not-me/{HANDOVER.request_id}\n" in mail.body
    assert "2026" not in mail.body
    assert "@" not in mail.subject + mail.body


async def test_a_lost_answer_is_unknown_and_not_sent_again(
    notices: MailNotices, directory: Directory, faults: Faults
) -> None:
    """The mail went out, its answer was lost: one mail."""
    faults.order(Fault("directory", "mail.send", Kind.LOSE))
    with pytest.raises(Unknown):
        await notices.ready(DANA, HANDOVER)
    assert len(directory.outbox) == 1


@pytest.mark.parametrize(
    ("status", "fate"),
    [(200, Unknown), (503, Unknown), (500, Unknown), (429, TryLater), (401, TryLater), (403, GiveUp), (404, GiveUp)],
)
async def test_every_answer_has_a_fate(
    scripted: Scripted, scripted_notices: MailNotices, status: int, fate: type[Failure]
) -> None:
    """One request each, whatever comes."""
    scripted.answers(status, None, Retry_After="0")
    with pytest.raises(fate):
        await scripted_notices.ready(DANA, HANDOVER)
    with pytest.raises(fate):
        await scripted_notices.approval(DANA, TASK)
    with pytest.raises(fate):
        await scripted_notices.made(DANA, TASK.request_id, "Mona Vik", "de")
    # Who was told once to wait does not ask again before that.
    assert len(scripted.asked) == (1 if status == 429 else 3)
    for method, path, _, body in scripted.asked:
        assert (method, path) == ("POST", f"/v1.0/users/{MAILBOX}/sendMail")
        assert json.loads(body)["saveToSentItems"] is False


async def test_nobody_without_an_address_is_written_to(scripted: Scripted, scripted_notices: MailNotices) -> None:
    """No address: given up before anything is sent."""
    nowhere = Recipient(DANA.object_id, "Dana", "")
    with pytest.raises(GiveUp):
        await scripted_notices.ready(nowhere, HANDOVER)
    with pytest.raises(GiveUp):
        await scripted_notices.approval(nowhere, TASK)
    with pytest.raises(GiveUp):
        await scripted_notices.made(nowhere, TASK.request_id, "Mona Vik", "de")
    assert scripted.asked == []
