"""Check-up: is an installation what we need? Each finding says what, why it matters, and how to mend it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.domain import health
from shared.domain.fates import Failure, GiveUp
from shared.domain.health import Diagnosis, Health, Part, Right
from shared.domain.terms import Terms
from shared.flows.probes import Gate, Probes, Route

# A wake-up may be a minute early (advance.py); times in tokens are taken with less. Half of it leaves room.
CLOCKS_DIFFER = timedelta(seconds=30)
VAULT_KEEPS = timedelta(days=7)
_LIMIT_SECONDS = 40

_VAULT_ALL = frozenset({Right.SET, Right.GET, Right.LIST, Right.DELETE, Right.PURGE})
_TABLE_ALL = frozenset({Right.READ, Right.WRITE})
_BUS_ALL = frozenset({Right.SEND, Right.RECEIVE})
_GRANTS = "Deploy infra/ again: infra/modules/access.bicep has every right; take away by hand what is not in it."
_TOO_MANY = "Whoever takes the app could do more than the app does; the roles were parted so that neither can do all."
_TOO_FEW = "The app cannot do its work: requests end in `failed`, or wait."


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a check-up looks at. `as_app`: it runs with the app's own identity, so that its rights can be tried.

    `light`: tries only what the app does anyway, so that nothing is refused and nobody's log fills with refusals.
    """

    role: str
    terms: Terms
    sign_ins: bool
    as_app: bool
    settings: tuple[Diagnosis, ...] = ()
    light: bool = False


type Found = list[Diagnosis]
type Check = Callable[[Subject, Probes], Awaitable[Found]]


async def check_up(subject: Subject, probes: Probes, parts: frozenset[Part]) -> tuple[Diagnosis, ...]:
    """Return what is found about these parts, in their order; a part always has at least one finding."""
    chosen = [part for part in Part if part in parts and part in CHECKS]
    found = await asyncio.gather(*(_guarded(part, CHECKS[part](subject, probes)) for part in chosen))
    return tuple(diagnosis for some in found for diagnosis in some)


async def _guarded(part: Part, check: Awaitable[Found]) -> Found:
    try:
        async with asyncio.timeout(_LIMIT_SECONDS):
            return await check
    except GiveUp as failure:
        return [
            _broken(
                part,
                f"refused: {failure.where}{_notes(failure)}",
                _TOO_FEW,
                "See that it exists and the right is held.",
            )
        ]
    except Failure as failure:
        return [_unchecked(part, f"{failure}{_notes(failure)}", "Ask again; should it stay, look at that service.")]
    except TimeoutError:
        return [
            _unchecked(part, f"no answer within {_LIMIT_SECONDS} s", "Ask again; then look at network and service.")
        ]


def parts_for(role: str) -> frozenset[Part]:
    """Return what can be wrong with a role: the issuer has no page and no mailbox, the courier no directory to read."""
    theirs = {Part.POLICY, Part.PAUSE} if role == health.ISSUER else {Part.NOTICES, Part.PAGE}
    return frozenset(theirs) | {Part.SETTINGS, Part.CLOCK, Part.ROLES, Part.LEDGER, Part.VAULT, Part.BUS, Part.QUEUES}


async def _settings(subject: Subject, _: Probes) -> Found:
    return list(subject.settings) or [_well(Part.SETTINGS, "nothing that is seldom meant")]


async def _pause(_: Subject, probes: Probes) -> Found:
    pause = await probes.paused()
    if pause is None:
        return [_well(Part.PAUSE, "passes may be made")]
    return [
        _broken(
            Part.PAUSE,
            f"Passdesk is paused: by {pause.by}, since {pause.at:%Y-%m-%d %H:%M} UTC: {pause.why}",
            "No pass is made; requests wait and lose nothing.",
            "`python -m ops resume`, when the reason is gone.",
        )
    ]


async def _clock(_: Subject, probes: Probes) -> Found:
    found: Found = []
    for service, skew in (await probes.skews()).items():
        if skew is None:
            found.append(_unchecked(Part.CLOCK, f"{service} did not tell its time", "Look whether it can be reached."))
        elif abs(skew) > CLOCKS_DIFFER:
            found.append(
                _broken(
                    Part.CLOCK,
                    f"this clock and that of {service} differ by {abs(skew).total_seconds():.0f} s",
                    "Leases, expiry and sign-ins are judged by the clock: a pass may be made or shown at a wrong time.",
                    "Set this machine's clock by a time server; in Azure, restart the app.",
                )
            )
    return found or [_well(Part.CLOCK, f"within {CLOCKS_DIFFER.total_seconds():.0f} s of every service")]


async def _roles(subject: Subject, probes: Probes) -> Found:
    if not subject.as_app:
        return [_as_you(Part.ROLES)]
    held = await probes.roles()
    wanted = health.graph_roles(subject.role, subject.terms, sign_ins=subject.sign_ins)
    # Mail.Send granted in the directory is not too many as long as Exchange holds it to one mailbox.
    extra = held - wanted - ({health.MAIL} if subject.role == health.COURIER else set())
    return list(
        _rights(
            Part.ROLES,
            "Microsoft Graph",
            missing=wanted - held,
            extra=extra,
            mend="infra/grant-graph grants what is missing (a token may be a day old); take away the rest in Entra.",
        )
    ) or [_well(Part.ROLES, f"the token carries the {len(wanted)} roles that are needed")]


async def _policy(subject: Subject, probes: Probes) -> Found:
    flaws = health.policy_flaws(await probes.policy(), subject.terms)
    return [
        _broken(
            Part.POLICY,
            flaw,
            "Passes for it are refused, or cannot be used.",
            "Entra, Authentication methods, Temporary Access Pass: docs/events.md has the profiles.",
        )
        for flaw in flaws
    ] or [_well(Part.POLICY, "on, and wide enough for both profiles")]


async def _ledger(subject: Subject, probes: Probes) -> Found:
    found: Found = []
    for table, wanted in health.TABLE_RIGHTS[subject.role].items():
        tried = wanted if subject.light else _TABLE_ALL if subject.as_app else frozenset({Right.READ})
        held = await probes.table(table, tried)
        if held is None:
            found.append(
                _broken(
                    Part.LEDGER,
                    f"there is no table {table}",
                    "The ledger is the truth: without it nothing is accepted.",
                    "Deploy infra/ again. If it was deleted: passes that are live are known to Entra's audit log only.",
                )
            )
        elif subject.as_app:
            found += _rights(Part.LEDGER, f"the table {table}", missing=wanted - held, extra=held - wanted)
        elif not held:
            found.append(_unchecked(Part.LEDGER, f"you may not read {table}", "Ask for Storage Table Data Reader."))
    if not subject.as_app and not found:
        return [_unchecked(Part.LEDGER, "the tables are there; the app's rights cannot be tried as you", _AS_APP)]
    return found or [_well(Part.LEDGER, "tables are there, with the rights on each that are needed")]


async def _vault(subject: Subject, probes: Probes) -> Found:
    if not subject.as_app:
        return [_as_you(Part.VAULT)]
    wanted = health.VAULT_RIGHTS[subject.role]
    seen = await probes.vault(wanted if subject.light else _VAULT_ALL)
    found = list(_rights(Part.VAULT, "secrets", missing=wanted - seen.rights, extra=seen.rights - wanted))
    if seen.purgeable is False:
        found.append(
            _broken(
                Part.VAULT,
                "purge protection is on",
                "A deleted passcode stays until the retention ends, and nobody can purge it.",
                "It cannot be turned off: make another vault (infra/modules/vault.bicep) and point both apps to it.",
            )
        )
    if seen.keeps is not None and seen.keeps != VAULT_KEEPS:
        found.append(
            _broken(
                Part.VAULT,
                f"deleted secrets are kept for {seen.keeps.days} days, not {VAULT_KEEPS.days}",
                "This is not the vault that infra/ makes; what is deleted can be brought back for longer.",
                "Retention is fixed when a vault is made: make it by infra/modules/vault.bicep.",
            )
        )
    return found or [_well(Part.VAULT, "the rights on secrets that are needed, and no others")]


async def _bus(subject: Subject, probes: Probes) -> Found:
    if not subject.as_app:
        return [_as_you(Part.BUS)]
    await probes.round_trip(health.ROUND_TRIP[subject.role])
    if subject.light:
        return [_well(Part.BUS, "a message was kept and taken back")]
    wanted = health.BUS_RIGHTS[subject.role]
    # A topic is only sent to; what is received of it are subscriptions, which are others' business.
    tried = {key: frozenset({Right.SEND}) if key in health.TOPICS else _BUS_ALL for key in wanted}
    answers = await asyncio.gather(*(probes.entity(key, tried[key]) for key in wanted))
    found: Found = []
    for key, held in zip(wanted, answers, strict=True):
        if held is None:
            found.append(
                _broken(Part.BUS, f"there is no {key}", "Messages for it have nowhere to go.", "Deploy infra/ again.")
            )
        else:
            found += _rights(Part.BUS, key, missing=wanted[key] - held, extra=held - wanted[key])
    return found or [_well(Part.BUS, "a message went there and back, and rights are as needed on each entity")]


async def _queues(_: Subject, probes: Probes) -> Found:
    found: Found = []
    try:
        answers = [(key, await probes.queue(key)) for key in health.QUEUES]
    except GiveUp:
        return [
            _unchecked(
                Part.QUEUES,
                "settings of queues may not be read",
                "Run it as somebody with Azure Service Bus Data Owner, or compare them with infra/modules/bus.bicep.",
            )
        ]
    for key, there in answers:
        wanted = health.QUEUES[key]
        if there is None:
            found.append(
                _broken(Part.QUEUES, f"there is no {key}", "Messages have nowhere to go.", "Deploy infra/ again.")
            )
            continue
        for name, why in _QUEUE_REASONS.items():
            is_, must = getattr(there, name), getattr(wanted, name)
            if is_ != must:
                found.append(
                    _broken(Part.QUEUES, f"{key}: {name} is {is_}, not {must}", why, "Deploy infra/modules/bus.bicep.")
                )
    return found or [_well(Part.QUEUES, "every queue treats its messages as the code expects")]


_QUEUE_REASONS = {
    "sessions": "A session is a lane: without them two workers act for one person at once; with them nobody receives.",
    "lock": "The host renews a lock for five minutes; one that is much shorter ends while the work goes on.",
    "deliveries": "Ten deliveries outlast a short outage; fewer end requests, more keep a broken message going round.",
    "lives": "A message that lives too short is lost with its event; an ask carries a token and must not lie about.",
    "dead_letters_expired": "A message that expires must end its request in `failed` instead of vanishing.",
    "drops_duplicates": "The row decides what a repeat is; a wake-up that is dropped as one is a request that waits.",
}


async def _notices(subject: Subject, probes: Probes) -> Found:
    if not subject.as_app:
        return [_as_you(Part.NOTICES)]
    match await probes.notice():
        case Route.OPEN:
            return [
                _well(Part.NOTICES, "the mailbox takes our mail (it was asked to send to nobody, and sent nothing)")
            ]
        case Route.NO_RIGHT:
            what, mend = "we may not send from the mailbox", "infra/grant-graph says how Exchange grants it."
        case Route.NO_MAILBOX:
            what, mend = "there is no such mailbox", "Name one that exists in PASSDESK_MAILBOX."
    return [_broken(Part.NOTICES, what, "No recipient is told, so passes expire unseen.", mend)]


async def _page(_: Subject, probes: Probes) -> Found:
    found: Found = []
    for forged in (False, True):
        gate = await probes.page(forged=forged)
        who = "a caller with forged headers" if forged else "a caller without a sign-in"
        if gate is Gate.PAGE:
            found.append(
                _broken(
                    Part.PAGE,
                    f"{who} reaches the app",
                    "The platform signs nobody in, so nobody can be shown anything, and its headers can be forged.",
                    "Turn platform authentication on: infra/modules/app.bicep, authsettingsV2.",
                )
            )
        elif gate is Gate.OTHER:
            found.append(
                _broken(
                    Part.PAGE,
                    f"{who} gets neither a sign-in nor our page",
                    "Recipients cannot reveal anything.",
                    "Look whether the courier runs, and whether PASSDESK_PAGE_URL is its address.",
                )
            )
    return found or [_well(Part.PAGE, "the platform lets nobody in without a sign-in, forged headers or not")]


CHECKS: Mapping[Part, Check] = {
    Part.SETTINGS: _settings,
    Part.PAUSE: _pause,
    Part.CLOCK: _clock,
    Part.ROLES: _roles,
    Part.POLICY: _policy,
    Part.LEDGER: _ledger,
    Part.VAULT: _vault,
    Part.BUS: _bus,
    Part.QUEUES: _queues,
    Part.NOTICES: _notices,
    Part.PAGE: _page,
}

_AS_APP = "Run it as the app; or see the courier's /health, and `infra/grant-graph` for what is held."


def _rights(
    part: Part, on: str, *, missing: frozenset[str], extra: frozenset[str], mend: str = _GRANTS
) -> Iterator[Diagnosis]:
    if missing:
        yield _broken(part, f"missing on {on}: {', '.join(sorted(missing))}", _TOO_FEW, mend)
    if extra:
        yield _broken(part, f"too many on {on}: {', '.join(sorted(extra))}", _TOO_MANY, mend)


def _well(part: Part, what: str) -> Diagnosis:
    return Diagnosis(part, Health.OK, what)


def _broken(part: Part, what: str, why: str, mend: str) -> Diagnosis:
    return Diagnosis(part, Health.BROKEN, what, why, mend)


def _unchecked(part: Part, what: str, mend: str) -> Diagnosis:
    return Diagnosis(part, Health.UNCHECKED, what, "What was not looked at may be broken.", mend)


def _as_you(part: Part) -> Diagnosis:
    return _unchecked(part, "these are the app's rights, and this runs as you", _AS_APP)


def _notes(failure: Failure) -> str:
    return "".join(f" ({note})" for note in getattr(failure, "__notes__", ()))
