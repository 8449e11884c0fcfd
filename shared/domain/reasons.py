"""Every reason there is, by a stable machine name, with the sentence a person reads."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a request was refused, waits, or failed: a closed set that logs, ledger and outcomes share."""

    # the person
    PERSON_NOT_FOUND = "person_not_found"
    PERSON_AMBIGUOUS = "person_ambiguous"
    PERSON_MISMATCH = "person_mismatch"
    PERSON_UNREADABLE = "person_unreadable"
    PERSON_DISABLED = "person_disabled"
    EXTERNAL_GUEST = "external_guest"
    # the tenant's policy for passes
    POLICY_UNREADABLE = "policy_unreadable"
    POLICY_OFF = "policy_off"
    POLICY_EXCLUDED = "policy_excluded"
    POLICY_NOT_INCLUDED = "policy_not_included"
    LIFETIME_OUTSIDE_POLICY = "lifetime_outside_policy"
    MULTI_USE_NOT_ALLOWED = "multi_use_not_allowed"
    POLICY_REFUSED = "policy_refused"
    # never for the powerful
    ROLE_ACTIVE = "role_active"
    ROLE_ASSIGNED = "role_assigned"
    ROLE_ELIGIBLE = "role_eligible"
    ROLE_GROUP_MEMBER = "role_group_member"
    ROLE_GROUP_ELIGIBLE = "role_group_eligible"
    ROLE_GROUP_OWNER = "role_group_owner"
    RESTRICTED_UNIT = "restricted_unit"
    PROTECTED = "protected"
    PRIVILEGE_UNREADABLE = "privilege_unreadable"
    # who may be handed it
    RECIPIENT_MISSING = "recipient_missing"
    RECIPIENT_UNREADABLE = "recipient_unreadable"
    RECIPIENT_DISABLED = "recipient_disabled"
    RECIPIENT_GUEST = "recipient_guest"
    RECIPIENT_IS_PERSON = "recipient_is_person"
    NO_NOTICE_ROUTE = "no_notice_route"
    # joiners
    ALREADY_SET_UP = "already_set_up"
    SET_UP_UNREADABLE = "set_up_unreadable"
    NOT_A_JOINER = "not_a_joiner"
    TOO_EARLY = "too_early"
    # tickets: the evidence
    EVIDENCE_MISSING = "evidence_missing"
    EVIDENCE_METHOD_UNKNOWN = "evidence_method_unknown"
    EVIDENCE_WEAK = "evidence_weak"
    EVIDENCE_STALE = "evidence_stale"
    EVIDENCE_FUTURE = "evidence_future"
    EVIDENCE_NO_REFERENCE = "evidence_no_reference"
    EVIDENCE_TOO_FEW = "evidence_too_few"
    VERIFIER_UNREADABLE = "verifier_unreadable"
    VERIFIER_UNKNOWN = "verifier_unknown"
    VERIFIER_IS_PERSON = "verifier_is_person"
    VERIFIER_IS_RECIPIENT = "verifier_is_recipient"
    VERIFIER_IS_APPROVER = "verifier_is_approver"
    VERIFIER_DISABLED = "verifier_disabled"
    VERIFIER_NOT_DESK = "verifier_not_desk"
    # tickets: the person, and what only a human may wave through
    NOT_SET_UP = "not_set_up"
    RECIPIENT_NEW = "recipient_new"
    RECIPIENT_CHANGED = "recipient_changed"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a reason's name
    PHONE_CHANGED = "phone_changed"
    MANAGER_CHANGED = "manager_changed"
    CHANGES_UNREADABLE = "changes_unreadable"
    RECOVERED_RECENTLY = "recovered_recently"
    # tickets: the second person
    NO_APPROVERS = "no_approvers"
    APPROVAL_ENDED = "approval_ended"
    APPROVER_NOT_ALLOWED = "approver_not_allowed"
    AGENT_NOT_ALLOWED = "agent_not_allowed"
    NOT_APPROVED = "not_approved"
    DECLINED = "declined"
    # limits
    PAUSED = "paused"
    OVER_CAP = "over_cap"
    # completion
    METHOD_NOT_REMOVED = "method_not_removed"
    SESSIONS_NOT_REVOKED = "sessions_not_revoked"
    # waiting and failing
    BUSY = "busy"
    DIRECTORY_LATER = "directory_later"
    DIRECTORY_REFUSED = "directory_refused"
    VAULT_LATER = "vault_later"
    OUTCOME_UNKNOWN = "outcome_unknown"
    DEADLINE_PASSED = "deadline_passed"
    DEAD_LETTERED = "dead_lettered"
    NEWER_REQUEST = "newer_request"
    REMOVED_ELSEWHERE = "removed_elsewhere"
    NEVER_REVEALED = "never_revealed"
    # fresh passes and the alarm
    ALREADY_USED = "already_used"
    NOT_ME_RECIPIENT = "not_me_recipient"
    NOT_ME_PERSON = "not_me_person"
    FOREIGN_ACCOUNT = "foreign_account"


SENTENCES: dict[Reason, str] = {
    Reason.PERSON_NOT_FOUND: "Nobody in the directory matches the event.",
    Reason.PERSON_AMBIGUOUS: "More than one person in the directory matches the event.",
    Reason.PERSON_MISMATCH: "The employee id and the user principal name name different people.",
    Reason.PERSON_UNREADABLE: "The person could not be read from the directory.",
    Reason.PERSON_DISABLED: "The account is disabled. That is no lost device: whoever disabled it decides, in Entra.",
    Reason.EXTERNAL_GUEST: "External guests cannot have a pass.",
    Reason.POLICY_UNREADABLE: "The tenant's policy for passes could not be read.",
    Reason.POLICY_OFF: "The tenant's policy for passes is off.",
    Reason.POLICY_EXCLUDED: "The tenant's policy excludes the person.",
    Reason.POLICY_NOT_INCLUDED: "The tenant's policy does not include the person.",
    Reason.LIFETIME_OUTSIDE_POLICY: "The lifetime lies outside the tenant's limits.",
    Reason.MULTI_USE_NOT_ALLOWED: "The tenant allows one-time passes only, and this profile needs more than one use.",
    Reason.POLICY_REFUSED: "The directory refused to make the pass because of its policy.",
    Reason.ROLE_ACTIVE: "The person holds a directory role.",
    Reason.ROLE_ASSIGNED: "A directory role is assigned to the person.",
    Reason.ROLE_ELIGIBLE: "The person may activate a directory role.",
    Reason.ROLE_GROUP_MEMBER: "The person is in a group that can hold directory roles.",
    Reason.ROLE_GROUP_ELIGIBLE: "The person may join a group that can hold directory roles.",
    Reason.ROLE_GROUP_OWNER: "The person owns a group that can hold directory roles, and could add themselves.",
    Reason.RESTRICTED_UNIT: "The person is in a restricted management unit.",
    Reason.PROTECTED: "The person is on the protected list.",
    Reason.PRIVILEGE_UNREADABLE: "Whether the person is privileged could not be read in full, so the answer is no.",
    Reason.RECIPIENT_MISSING: "The person has no manager in the directory.",
    Reason.RECIPIENT_UNREADABLE: "The person's manager could not be read from the directory.",
    Reason.RECIPIENT_DISABLED: "The manager's account is disabled.",
    Reason.RECIPIENT_GUEST: "The manager is a guest.",
    Reason.RECIPIENT_IS_PERSON: "The person is named as their own manager.",
    Reason.NO_NOTICE_ROUTE: "There is no way to tell the manager: no mail address or no mailbox to send from.",
    Reason.ALREADY_SET_UP: "The person is already set up: they have a strong sign-in method or have signed in.",
    Reason.SET_UP_UNREADABLE: "Whether the person is already set up could not be read.",
    Reason.NOT_A_JOINER: "Neither the account nor the hire date is recent.",
    Reason.TOO_EARLY: "It is too early; the pass is made shortly before the first day begins.",
    Reason.EVIDENCE_MISSING: "The ticket does not say how the person was verified.",
    Reason.EVIDENCE_METHOD_UNKNOWN: "The way of verifying is not in the settings.",
    Reason.EVIDENCE_WEAK: "The way of verifying is too weak for this person.",
    Reason.EVIDENCE_STALE: "The person was verified too long before the ticket came in.",
    Reason.EVIDENCE_FUTURE: "The person is said to have been verified in the future.",
    Reason.EVIDENCE_NO_REFERENCE: "The evidence has no reference to where it is on file.",
    Reason.EVIDENCE_TOO_FEW: "More proofs are needed that share neither method, verifier nor reference.",
    Reason.VERIFIER_UNREADABLE: "Whoever verified the person could not be read from the directory.",
    Reason.VERIFIER_UNKNOWN: "Whoever verified the person is not in the directory.",
    Reason.VERIFIER_IS_PERSON: "The person verified themselves.",
    Reason.VERIFIER_IS_RECIPIENT: "Whoever verified the person would also be handed the pass.",
    Reason.VERIFIER_IS_APPROVER: "Whoever verified the person also approved.",
    Reason.VERIFIER_DISABLED: "The account of whoever verified the person is disabled.",
    Reason.VERIFIER_NOT_DESK: "Whoever verified the person is not in the service desk's group.",
    Reason.NOT_SET_UP: "The person was never set up: this is for a joiner event, not for a ticket.",
    Reason.RECIPIENT_NEW: "The manager's own account is too new.",
    Reason.RECIPIENT_CHANGED: "The manager is not who it was when the ticket came in.",
    Reason.PASSWORD_CHANGED: "The person's password was changed a short time ago.",
    Reason.PHONE_CHANGED: "The person's phone or security info was changed a short time ago.",
    Reason.MANAGER_CHANGED: "The person's manager was changed a short time ago.",
    Reason.CHANGES_UNREADABLE: "Whether phone or manager changed lately could not be read, so the answer is no.",
    Reason.RECOVERED_RECENTLY: "The person had a recovery pass within the last day.",
    Reason.NO_APPROVERS: "A second person must approve, and there is none who could.",
    Reason.APPROVAL_ENDED: "The approval was not used in time.",
    Reason.APPROVER_NOT_ALLOWED: "Whoever approved may not approve this.",
    Reason.AGENT_NOT_ALLOWED: "The desk agent who was named may not be handed this pass.",
    Reason.NOT_APPROVED: "Nobody approved in time.",
    Reason.DECLINED: "A second person declined.",
    Reason.PAUSED: "Passdesk is paused: no pass is made until it is resumed.",
    Reason.OVER_CAP: "Too many passes were made lately; this one waits.",
    Reason.METHOD_NOT_REMOVED: "A lost method could not be removed, so no pass was made.",
    Reason.SESSIONS_NOT_REVOKED: "The person's sessions could not be revoked, so no pass was made.",
    Reason.BUSY: "Another request for the same person is being worked on.",
    Reason.DIRECTORY_LATER: "The directory asked to come back later.",
    Reason.DIRECTORY_REFUSED: "The directory refused for good.",
    Reason.VAULT_LATER: "The vault could not store the pass; the pass was deleted.",
    Reason.OUTCOME_UNKNOWN: "The directory did not say whether the pass was made; it is looked up before going on.",
    Reason.DEADLINE_PASSED: "The deadline passed.",
    Reason.DEAD_LETTERED: "A message of this request could not be worked on and was dead-lettered.",
    Reason.NEWER_REQUEST: "A newer request for the same person took its place.",
    Reason.REMOVED_ELSEWHERE: "The pass was deleted in the directory by somebody else.",
    Reason.NEVER_REVEALED: "Nobody collected the pass before it expired.",
    Reason.ALREADY_USED: "The pass was used, so it is not replaced by a fresh one.",
    Reason.NOT_ME_RECIPIENT: "The recipient says that they know nothing of this pass.",
    Reason.NOT_ME_PERSON: "The person says that they know nothing of this pass.",
    Reason.FOREIGN_ACCOUNT: "Another account tried to reveal the pass after it was shown.",
}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One reason, and what it is about where that helps: the name of a read or of a list, never a value."""

    reason: Reason
    about: str = ""

    @property
    def sentence(self) -> str:
        """Return the reason as a plain sentence."""
        return SENTENCES[self.reason] + (f" ({self.about})" if self.about else "")

    def __str__(self) -> str:
        return f"{self.reason}:{self.about}" if self.about else str(self.reason)


class OutcomeClass(StrEnum):
    """What the outside may know of a reason: too coarse to probe accounts with."""

    DONE = "done"
    HANDED_OVER = "handed_over"
    NOT_ELIGIBLE = "not_eligible"
    NOT_COLLECTED = "not_collected"
    REPLACED = "replaced"
    FAILED = "failed"
