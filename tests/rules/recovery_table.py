"""The decision table of tickets: what a caller cannot talk us into, one sentence a row.

Each row changes something of a good ticket: Ada, set up for years, verified by Dev of the desk; her manager Dana
receives. Paula approves, Gita is a desk agent who may receive. `test_recovery.py` asks the rules about every row.
"""

from typing import Any

from shared.domain.evidence import Assurance, Demand, EvidenceTerms
from shared.domain.orders import ProfileName
from shared.domain.people import Changes, Colleague, Group, Unreadable
from shared.domain.reasons import Reason
from tests.rules.facts import NOW, policy
from tests.rules.tickets import (
    DAY,
    MINUTE,
    SECOND,
    ada,
    approval,
    colleague,
    colleagues,
    dana,
    proof,
    receives,
    second,
    strongest,
    to_agent,
)

ISSUE, ASK, REFUSE, WAIT = "issue", "ask", "refuse", "wait"

TWO = EvidenceTerms(standard=Demand(Assurance.CALL_BACK_HR_NUMBER, proofs=2))
NOTHING = EvidenceTerms(standard=Demand(Assurance.NONE, proofs=0))
GONE = Unreadable("read", "status-403")
AUDITED = {"phone_quiet": DAY, "manager_quiet": DAY}
STRANGER = "verifier_unknown:verification"
RECENTLY, NEW = Reason.RECOVERED_RECENTLY, Reason.RECIPIENT_NEW
AGAIN: dict[str, Any] = {"last_pass": NOW - 2 * 60 * MINUTE}
FRESH: dict[str, Any] = {"manager": dana(created=NOW - 14 * DAY + SECOND)}


def vouched(who: Colleague) -> dict[str, Any]:
    """Return a ticket that somebody else than Dev vouches for, under his name."""
    return {"colleagues": colleagues(dev=who)}


def groups(*names: str) -> tuple[Group, ...]:
    """Return groups that Ada is in."""
    return tuple(Group(name, role_assignable=False) for name in names)


type Row = tuple[str, str, str, dict[str, Any]]

# sentence; verdict; every reason, in any order; what is different from a good ticket
EVIDENCE: list[Row] = [
    ("a good ticket gets a pass", ISSUE, "", {}),
    ("a ticket without evidence is refused", REFUSE, "evidence_missing", {"proofs": ()}),
    ("no setting lets a ticket without evidence through", REFUSE, "evidence_missing",
     {"proofs": (), "evidence": NOTHING}),
    ("a way of verifying that is not in the settings counts for nothing", REFUSE,
     "evidence_method_unknown:verification", {"proofs": (proof(method="voice-of-a-friend"),)}),
    ("a method is spelt as the settings spell it", REFUSE, "evidence_method_unknown:verification",
     {"proofs": (proof(method="Verified-ID"),)}),
    ("a mail is too weak for anybody", REFUSE, "evidence_weak:verification", {"proofs": (proof(method="email"),)}),
    ("a chat is too weak for anybody", REFUSE, "evidence_weak:verification", {"proofs": (proof(method="chat"),)}),
    ("a call back to HR's number is enough for most", ISSUE, "", {"proofs": (proof(method="call-back"),)}),
    ("a proof is good for exactly thirty minutes", ISSUE, "", {"proofs": (proof(at=NOW - 30 * MINUTE),)}),
    ("a second over thirty minutes is stale", REFUSE, "evidence_stale:verification",
     {"proofs": (proof(at=NOW - 30 * MINUTE - SECOND),)}),
    ("age counts from intake, not from when we come round to it", ISSUE, "",
     {"proofs": (proof(at=NOW - 30 * MINUTE),), "now": NOW + 3 * 60 * MINUTE}),
    ("clocks may differ by five minutes", ISSUE, "", {"proofs": (proof(at=NOW + 5 * MINUTE),)}),
    ("a second more and it is from the future", REFUSE, "evidence_future:verification",
     {"proofs": (proof(at=NOW + 5 * MINUTE + SECOND),)}),
    ("evidence that is nowhere on file is none", REFUSE, "evidence_no_reference:verification",
     {"proofs": (proof(reference=None),)}),
    ("a dash is no reference", REFUSE, "evidence_no_reference:verification", {"proofs": (proof(reference="-"),)}),
    ("nor is a sign that nobody sees", REFUSE, "evidence_no_reference:verification",
     {"proofs": (proof(reference="\u200b\u00a0"),)}),
    ("every flaw of a proof is said", REFUSE,
     "evidence_weak:verification evidence_stale:verification evidence_no_reference:verification",
     {"proofs": (proof(method="chat", at=NOW - DAY, reference=None),)}),
    ("where two are needed, one is too few", REFUSE, "evidence_too_few", {"evidence": TWO}),
    ("two that share nothing are enough", ISSUE, "", {"evidence": TWO, "proofs": (proof(), second())}),
    ("the same proof twice is one", REFUSE, "evidence_too_few", {"evidence": TWO, "proofs": (proof(), proof())}),
    ("two by the same method are one", REFUSE, "evidence_too_few",
     {"evidence": TWO, "proofs": (proof(), second(method="video-with-badge"))}),
    ("two by the same verifier are one", REFUSE, "evidence_too_few",
     {"evidence": TWO, "proofs": (proof(), second(by="dev@contoso.com"))}),
    ("a verifier spelt in two ways is one", REFUSE, "evidence_too_few",
     {"evidence": TWO, "proofs": (proof(), second(by="DEV@Contoso.com"))}),
    ("a verifier with two principal names is one", REFUSE, "evidence_too_few",
     {"evidence": TWO, "proofs": (proof(), second()), "colleagues": colleagues(nils=colleague("dev", "desk"))}),
    ("two with one reference are one", REFUSE, "evidence_too_few",
     {"evidence": TWO, "proofs": (proof(), second(reference="call 17"))}),
    ("a reference spelt in two ways is one", REFUSE, "evidence_too_few",
     {"evidence": TWO, "proofs": (proof(), second(reference=" CALL-\uff11\uff17 "))}),
    ("a bad proof besides a good one does no harm", ISSUE, "", {"proofs": (proof(), second(at=NOW - DAY))}),
    ("in either order", ISSUE, "", {"proofs": (second(at=NOW - DAY), proof())}),
    ("a bad second proof is named when two are needed", REFUSE, "evidence_stale:verification-2 evidence_too_few",
     {"evidence": TWO, "proofs": (proof(), second(at=NOW - DAY))}),
]  # fmt: skip

VERIFIER: list[Row] = [
    ("a verifier whom nobody knows", REFUSE, "verifier_unknown:verification", vouched(Colleague(None))),
    ("a verifier whom nobody looked up", REFUSE, "verifier_unreadable:verification", {"colleagues": {}}),
    ("a verifier who cannot be read", REFUSE, "verifier_unreadable:verification", vouched(Colleague(GONE))),
    ("a verifier whose groups cannot be read", REFUSE, "verifier_unreadable:verification",
     vouched(Colleague(ada(object_id="dev-id"), GONE))),
    ("a verifier who left", REFUSE, "verifier_disabled:verification", vouched(colleague("dev", "desk", enabled=False))),
    ("a verifier who is not of the desk", REFUSE, "verifier_not_desk:verification", vouched(colleague("dev", "staff"))),
    ("with no desk in the settings nobody can verify", REFUSE, "verifier_not_desk:verification",
     {"desk_groups": frozenset()}),
    ("nobody vouches for themselves", REFUSE, "verifier_is_person:verification", vouched(colleague("ada", "desk"))),
    ("not under another spelling of their name either", REFUSE, "verifier_is_person:verification",
     {"proofs": (proof(by="ADA@contoso.com"),), "colleagues": colleagues(ada=colleague("ada", "desk"))}),
    ("whoever receives does not vouch", REFUSE, "verifier_is_recipient:verification",
     vouched(colleague("dana", "desk"))),
    ("whoever approved does not vouch", REFUSE, "verifier_is_approver:verification",
     {**AGAIN, **vouched(colleague("paula", "desk", "approvers")), "approval": approval(RECENTLY)}),
    ("the agent who receives does not vouch", REFUSE, "verifier_is_recipient:verification",
     {**FRESH, **vouched(colleague("gita", "desk")), "approval": to_agent(NEW)}),
    ("an approval for an agent makes no proof of the manager's good", REFUSE, "verifier_is_recipient:verification",
     {**vouched(colleague("dana", "desk")), "approval": to_agent()}),
    ("an approver's extra proof is left out, the other one stands", ISSUE, "",
     {**AGAIN, "proofs": (proof(), second()), "colleagues": colleagues(nils=colleague("paula", "desk", "approvers")),
      "approval": approval(RECENTLY)}),
]  # fmt: skip

ELEVATED: list[Row] = [
    ("somebody of the desk needs the strongest evidence", REFUSE, "evidence_weak:verification",
     {"groups": groups("desk"), "proofs": (proof(method="passport-in-person"),)}),
    ("an approver does", REFUSE, "evidence_weak:verification", {"groups": groups("approvers")}),
    ("an operator does", REFUSE, "evidence_weak:verification", {"groups": groups("staff", "operators")}),
    ("with a verified id they have it", ISSUE, "", {"groups": groups("operators"), "proofs": (strongest(),)}),
    ("an approval does not make up for it", REFUSE, "evidence_weak:verification",
     {**AGAIN, "groups": groups("desk"), "approval": approval(RECENTLY)}),
    ("groups that cannot be read may hide it, and power too", REFUSE,
     "privilege_unreadable:read evidence_weak:verification", {"groups": GONE}),
]  # fmt: skip

PERSON: list[Row] = [
    ("a disabled account is not a lost device", REFUSE, "person_disabled", {"person": ada(enabled=False)}),
    ("an external guest cannot have a pass", REFUSE, "external_guest",
     {"person": ada(user_type="Guest", creation_type="Invitation")}),
    ("somebody who cannot be read is nobody", REFUSE, "person_unreadable privilege_unreadable:read", {"person": GONE}),
    ("somebody who was never set up belongs to the joiners", REFUSE, "not_set_up",
     {"methods": frozenset({"password"}), "person": ada(last_sign_in=None)}),
    ("somebody who has signed in was set up", ISSUE, "", {"methods": frozenset({"password"})}),
    ("somebody who has a key was set up", ISSUE, "", {"person": ada(last_sign_in=None)}),
    ("an earlier recovery may have removed what showed it", ISSUE, "",
     {"methods": frozenset({"password"}), "person": ada(last_sign_in=None), "was_set_up": True}),
    ("whether they were set up must be readable", REFUSE, "set_up_unreadable", {"methods": GONE, "was_set_up": True}),
    ("a ticket from the near future waits", WAIT, "too_early", {"event_time": NOW + MINUTE}),
    ("the tenant's policy counts", REFUSE, "policy_off", {"policy": policy(enabled=False)}),
    ("the policy must be readable", REFUSE, "policy_unreadable", {"policy": GONE}),
    ("the policy's exclusions count", REFUSE, "policy_excluded", {"policy": policy(exclude=frozenset({"staff"}))}),
    ("so do its inclusions", REFUSE, "policy_not_included", {"policy": policy(include=frozenset({"others"}))}),
    ("its bounds are kept", REFUSE, "lifetime_outside_policy", {"policy": policy(minimum=90 * MINUTE)}),
    ("multi-use is the tenant's to allow", REFUSE, "multi_use_not_allowed",
     {"profile": ProfileName.DEVICE_SETUP, "policy": policy(one_time_only=True)}),
]  # fmt: skip

WAVED: dict[str, Any] = {"proofs": (strongest(),), "approval": approval()}

POWER: list[Row] = [
    ("a role is a no, whatever the evidence and whoever approves", REFUSE, "role_active",
     {**WAVED, "roles": frozenset({"r"})}),
    ("so is one assigned in an administrative unit or by a custom role", REFUSE, "role_assigned",
     {**WAVED, "assignments": frozenset({"r"})}),
    ("so is one to activate", REFUSE, "role_eligible", {**WAVED, "eligibilities": frozenset({"r"})}),
    ("so is a group that can hold roles", REFUSE, "role_group_member",
     {**WAVED, "groups": (Group("g", role_assignable=True),)}),
    ("so is the way into such a group", REFUSE, "role_group_eligible",
     {**WAVED, "group_eligibilities": (Group("g", role_assignable=True),)}),
    ("so is owning such a group", REFUSE, "role_group_owner", {**WAVED, "owned": (Group("g", role_assignable=True),)}),
    ("so is a restricted unit", REFUSE, "restricted_unit", {**WAVED, "person": ada(management_restricted=True)}),
    ("so is the protected list", REFUSE, "protected:people",
     {**WAVED, "protected_people": frozenset({"ADA@Contoso.com"})}),
    ("so is a protected group", REFUSE, "protected:groups", {**WAVED, "protected_groups": frozenset({"staff"})}),
    ("so is a role that cannot be read", REFUSE, "privilege_unreadable:read", {**WAVED, "eligibilities": GONE}),
    ("owning any other group is nothing", ISSUE, "", {"owned": (Group("g", role_assignable=False),)}),
]  # fmt: skip

RECIPIENT: list[Row] = [
    ("without a manager a human decides", ASK, "recipient_missing", {"manager": None, "manager_at_intake": ""}),
    ("a manager who cannot be read is a human's case", ASK, "recipient_unreadable", {"manager": GONE}),
    ("a manager who left", ASK, "recipient_disabled", {"manager": dana(enabled=False)}),
    ("a manager who is a guest", ASK, "recipient_guest", {"manager": dana(user_type="Guest")}),
    ("one's own manager", ASK, "recipient_is_person", {"manager": dana(object_id="ada-id"),
                                                       "manager_at_intake": "ada-id"}),
    ("a manager of fourteen days is none too new", ISSUE, "", {"manager": dana(created=NOW - 14 * DAY)}),
    ("a second less is too new", ASK, "recipient_new", FRESH),
    ("a manager of unknown age is too new", ASK, "recipient_new", {"manager": dana(created=None)}),
    ("a manager who cannot be told", ASK, "no_notice_route", {"manager": dana(mail=None)}),
    ("no mailbox to tell anybody from", ASK, "no_notice_route", {"notice_route": False}),
    ("another manager than at intake", ASK, "recipient_changed", {"manager_at_intake": "mallory-id"}),
    ("a manager who came after intake", ASK, "recipient_changed", {"manager_at_intake": ""}),
    ("a manager who went after intake", ASK, "recipient_changed recipient_missing", {"manager": None}),
    ("a manager whom nobody looked up at intake", ASK, "recipient_changed", {"manager_at_intake": None}),
    ("all that is wrong with a manager is said", ASK, "recipient_changed recipient_disabled recipient_guest",
     {"manager": dana(object_id="eve-id", enabled=False, user_type="Guest")}),
    ("bad evidence and a bad manager: refused, both said", REFUSE, "evidence_missing recipient_new",
     {**FRESH, "proofs": ()}),
]  # fmt: skip

LATELY: list[Row] = [
    ("a password changed today is a human's case", ASK, "password_changed",
     {"person": ada(password_changed=NOW - DAY + SECOND)}),
    ("one changed a whole day ago is not", ISSUE, "", {"person": ada(password_changed=NOW - DAY)}),
    ("one that changes in the future is", ASK, "password_changed", {"person": ada(password_changed=NOW + DAY)}),
    ("where the settings do not look, it is not", ISSUE, "",
     {"person": ada(password_changed=NOW), "password_quiet": 0 * DAY}),
    ("a phone changed today is a human's case", ASK, "phone_changed", {**AUDITED, "changes": Changes(NOW, None)}),
    ("a manager changed today is a human's case", ASK, "manager_changed", {**AUDITED, "changes": Changes(None, NOW)}),
    ("neither is, where the settings do not look", ISSUE, "", {"changes": Changes(NOW, NOW)}),
    ("an audit log that shows nothing is fine", ISSUE, "", {**AUDITED, "changes": Changes(None, None)}),
    ("an audit log that cannot be read is a no", REFUSE, "changes_unreadable:read", {**AUDITED, "changes": GONE}),
    ("so is one that nobody read", REFUSE, "changes_unreadable", AUDITED),
    ("no approval makes up for it", REFUSE, "changes_unreadable:read",
     {**AUDITED, "changes": GONE, "approval": approval(Reason.CHANGES_UNREADABLE)}),
    ("a second pass within a day is a human's case", ASK, "recovered_recently", {"last_pass": NOW - DAY + SECOND}),
    ("after a whole day it is not", ISSUE, "", {"last_pass": NOW - DAY}),
    ("everything that happened lately is said", ASK,
     "password_changed phone_changed manager_changed recovered_recently",
     {**AUDITED, **AGAIN, "person": ada(password_changed=NOW), "changes": Changes(NOW, NOW)}),
]  # fmt: skip

APPROVED: list[Row] = [
    ("a second person may let a second pass through", ISSUE, "", {**AGAIN, "approval": approval(RECENTLY)}),
    ("a question is no answer", ASK, "recovered_recently",
     {**AGAIN, "approval": approval(RECENTLY, approver_id=None, approved_at=None)}),
    ("an approval covers what was shown, nothing else; and then everything is asked anew", ASK,
     "password_changed recovered_recently",
     {**AGAIN, "person": ada(password_changed=NOW - 60 * MINUTE), "approval": approval(RECENTLY)}),
    ("what was shown and is gone is no matter", ISSUE, "", {"approval": approval(RECENTLY, Reason.PHONE_CHANGED)}),
    ("the same reason once more, after the question, was not shown", ASK, "password_changed",
     {"person": ada(password_changed=NOW - 5 * MINUTE), "approval": approval(Reason.PASSWORD_CHANGED)}),
    ("nor was a pass that was made after the question", ASK, "recovered_recently",
     {"last_pass": NOW - 5 * MINUTE, "approval": approval(RECENTLY)}),
    ("an approval stands for exactly thirty minutes", ISSUE, "",
     {**AGAIN, "approval": approval(RECENTLY, asked_at=NOW - 40 * MINUTE, approved_at=NOW - 30 * MINUTE)}),
    ("a second longer and it ended", ASK, "recovered_recently approval_ended",
     {**AGAIN, "approval": approval(RECENTLY, asked_at=NOW - DAY, approved_at=NOW - 30 * MINUTE - SECOND)}),
    ("one that ended names no recipient any more", ASK, "recipient_new approval_ended",
     {**FRESH, "approval": to_agent(NEW, approved_at=NOW - DAY)}),
    ("nor does it take a proof away", ASK, "approval_ended",
     {**vouched(colleague("paula", "desk", "approvers")), "approval": approval(approved_at=NOW - DAY)}),
    ("an approval from the future is none", ASK, "recovered_recently approval_ended",
     {**AGAIN, "approval": approval(RECENTLY, approved_at=NOW + SECOND)}),
    ("an approver who left the group", REFUSE, "approver_not_allowed",
     {**AGAIN, "colleagues": colleagues(paula=colleague("paula", "staff")), "approval": approval(RECENTLY)}),
    ("an approver who was disabled", REFUSE, "approver_not_allowed",
     {**AGAIN, "colleagues": colleagues(paula=colleague("paula", "approvers", enabled=False)),
      "approval": approval(RECENTLY)}),
    ("an approver who is a guest", REFUSE, "approver_not_allowed",
     {**AGAIN, "colleagues": colleagues(paula=colleague("paula", "approvers", user_type="Guest")),
      "approval": approval(RECENTLY)}),
    ("an approver who cannot be read", REFUSE, "approver_not_allowed",
     {**AGAIN, "colleagues": colleagues(paula=Colleague(GONE)), "approval": approval(RECENTLY)}),
    ("an approver whose groups cannot be read", REFUSE, "approver_not_allowed",
     {**AGAIN, "colleagues": colleagues(paula=Colleague(ada(), GONE)), "approval": approval(RECENTLY)}),
    ("an approver who is nobody", REFUSE, "approver_not_allowed",
     {**AGAIN, "approval": approval(RECENTLY, approver_id=None)}),
    ("nobody approves for themselves", REFUSE, "approver_not_allowed",
     {**AGAIN, "colleagues": colleagues(ada=colleague("ada", "approvers")),
      "approval": approval(RECENTLY, approver_id="ada-id")}),
    ("the manager who receives does not approve", REFUSE, "approver_not_allowed",
     {**AGAIN, "colleagues": colleagues(dana=colleague("dana", "approvers")),
      "approval": approval(RECENTLY, approver_id="dana-id")}),
    ("not even where the question was about another", REFUSE,
     "approver_not_allowed recipient_changed recovered_recently",
     {**AGAIN, "colleagues": colleagues(dana=colleague("dana", "approvers")),
      "approval": approval(RECENTLY, approver_id="dana-id", manager_id="eve-id")}),
    ("an approval is for the recipient whom the question was about", ASK, "recipient_changed recovered_recently",
     {**AGAIN, "approval": approval(RECENTLY, manager_id="eve-id")}),
    ("no approval mends the manager", ASK, "recipient_new", {**FRESH, "approval": approval(NEW)}),
]  # fmt: skip

AGENT: list[Row] = [
    ("an agent whom a second person names takes the manager's place", ISSUE, "", {**FRESH, "approval": to_agent(NEW)}),
    ("also where there is no manager", ISSUE, "",
     {"manager": None, "manager_at_intake": "", "approval": to_agent(Reason.RECIPIENT_MISSING)}),
    ("the manager may approve that, as they receive nothing", ISSUE, "",
     {**FRESH, "colleagues": colleagues(dana=colleague("dana", "approvers")),
      "approval": to_agent(NEW, approver_id="dana-id")}),
    ("an agent who is not of the desk", REFUSE, "agent_not_allowed",
     {**FRESH, "colleagues": colleagues(gita=colleague("gita", "staff")), "approval": to_agent(NEW)}),
    ("an agent who was disabled", REFUSE, "agent_not_allowed",
     {**FRESH, "colleagues": colleagues(gita=colleague("gita", "desk", enabled=False)), "approval": to_agent(NEW)}),
    ("an agent who is a guest", REFUSE, "agent_not_allowed",
     {**FRESH, "colleagues": colleagues(gita=colleague("gita", "desk", user_type="Guest")), "approval": to_agent(NEW)}),
    ("an agent without mail", REFUSE, "agent_not_allowed",
     {**FRESH, "colleagues": colleagues(gita=colleague("gita", "desk", mail=None)), "approval": to_agent(NEW)}),
    ("an agent when nobody can be told", REFUSE, "agent_not_allowed",
     {"notice_route": False, "approval": to_agent(Reason.NO_NOTICE_ROUTE)}),
    ("an agent who cannot be read", REFUSE, "agent_not_allowed",
     {**FRESH, "colleagues": colleagues(gita=Colleague(GONE)), "approval": to_agent(NEW)}),
    ("the verifier as agent", REFUSE, "verifier_is_recipient:verification",
     {**FRESH, "colleagues": colleagues(gita=colleague("dev", "desk")),
      "approval": to_agent(NEW, recipient=receives("dev"))}),
    ("the approver as agent", REFUSE, "agent_not_allowed approver_not_allowed",
     {**FRESH, "colleagues": colleagues(paula=colleague("paula", "approvers", "desk")),
      "approval": to_agent(NEW, recipient=receives("paula"))}),
    ("the person as agent", REFUSE, "agent_not_allowed",
     {**FRESH, "colleagues": colleagues(ada=colleague("ada", "desk")),
      "approval": to_agent(NEW, recipient=receives("ada"))}),
    ("the flawed manager does not come back as agent", REFUSE, "agent_not_allowed",
     {**FRESH, "colleagues": colleagues(dana=colleague("dana", "desk")),
      "approval": to_agent(NEW, recipient=receives("dana"))}),
    ("an agent saves no bad evidence", REFUSE, "evidence_missing", {**FRESH, "proofs": (), "approval": to_agent(NEW)}),
]  # fmt: skip

TABLE = EVIDENCE + VERIFIER + ELEVATED + PERSON + POWER + RECIPIENT + LATELY + APPROVED + AGENT
