"""Graph's operations on mail: send one, and list what a mailbox sent or received."""

from typing import Any

from local.directory import odata
from local.directory.calls import Answer, Call, collection
from local.directory.errors import Refused, bad_request
from local.directory.mail import Mail
from local.directory.people import stamp


def send_mail(call: Call, user: str) -> Answer:
    """POST /users/{mailbox}/sendMail: 202, no body."""
    message = call.object_body("message", "saveToSentItems").get("message")
    if not isinstance(message, dict):
        raise bad_request("The message is missing.", "ErrorInvalidRequest")
    body = message.get("body") or {}
    recipients = message.get("toRecipients")
    if not isinstance(body, dict) or not isinstance(recipients, list):
        raise bad_request("The message has no valid body or recipients.", "ErrorInvalidRequest")
    call.directory.send_mail(
        user,
        [_address(r) for r in recipients],
        str(message.get("subject") or ""),
        str(body.get("content") or ""),
        str(body.get("contentType") or "text").lower(),
    )
    return Answer(202)


def list_sent(call: Call, user: str) -> Answer:
    """GET /users/{mailbox}/mailFolders/SentItems/messages, newest first."""
    return _listed(call, call.directory.outbox.from_(_mailbox(call, user)))


def list_received(call: Call, user: str) -> Answer:
    """GET /users/{mailbox}/messages: what was sent to it, newest first."""
    return _listed(call, call.directory.outbox.to(_mailbox(call, user)))


def _mailbox(call: Call, user: str) -> str:
    try:
        person = call.directory.person(user)
    except Refused as error:
        raise Refused(404, "ErrorInvalidUser", f"The requested user '{user}' is invalid.") from error
    return person.mail or person.user_principal_name


def _listed(call: Call, mails: tuple[Mail, ...]) -> Answer:
    odata.check_options(call.query, ("$top", "$skiptoken", "$count"))
    return collection(call, [_message(mail) for mail in reversed(mails)])


def _message(mail: Mail) -> dict[str, Any]:
    return {
        "id": mail.mail_id,
        "subject": mail.subject,
        "body": {"contentType": mail.content_type, "content": mail.body},
        "from": {"emailAddress": {"address": mail.sender}},
        "toRecipients": [{"emailAddress": {"address": address}} for address in mail.to],
        "sentDateTime": stamp(mail.at),
        "receivedDateTime": stamp(mail.at),
    }


def _address(recipient: Any) -> str:
    match recipient:
        case {"emailAddress": {"address": str(address)}}:
            return address
    raise bad_request("At least one recipient is not valid.", "ErrorInvalidRecipients")
