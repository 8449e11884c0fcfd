"""What the product may rely on from Graph, with people of our own; and what no document says, asked."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from kiota_abstractions.method import Method

from shared.adapters import graph_parse as parse
from shared.adapters.graph_http import Answer
from tests.contract.people import POLICY, OwnPeople
from tests.contract.questions import Answers
from tests.contract.services import Services

ONCE = {"lifetimeInMinutes": 60, "isUsableOnce": True}


def passes(person: str) -> str:
    """Return the path of a person's passes."""
    return f"/users/{person}/authentication/temporaryAccessPassMethods"


def told(answer: Answer) -> str:
    """Return status, code and text of an answer: of a success the status alone, for it may hold a passcode."""
    if answer.ok:
        return str(answer.status)
    return f"{answer.status} {answer.code}: {answer.message[:120]}"


async def lifetime(people: OwnPeople) -> int:
    """Return a lifetime in minutes that the tenant's policy takes."""
    answer = await people.send(Method.GET, POLICY)
    assert answer.status == 200, told(answer)
    return int(parse.policy(answer.body).minimum.total_seconds() // 60)


async def test_a_pass_lives_and_goes(people: OwnPeople, answers: Answers) -> None:
    """201 with the passcode, once; listed and read without it; 204 for its deletion, and then it is gone."""
    ada = await people.make()
    minutes = await lifetime(people)
    made = await people.send(Method.POST, passes(ada), ONCE | {"lifetimeInMinutes": minutes})
    assert made.status == 201, told(made)
    tap = parse.created_pass(made.body)
    answers.say("usable-at-once", str(made.body["methodUsabilityReason"]))
    assert tap.lifetime == timedelta(minutes=minutes)
    listed = await people.until(Method.GET, passes(ada), {200})
    (seen,) = [parse.existing_pass(item) for item in listed.body["value"]]
    assert (seen.tap_id, seen.one_time) == (tap.tap_id, True)
    one = await people.send(Method.GET, f"{passes(ada)}/{tap.tap_id}")
    assert one.body["temporaryAccessPass"] is None
    assert listed.body["value"][0]["temporaryAccessPass"] is None
    gone = await people.send(Method.DELETE, f"{passes(ada)}/{tap.tap_id}")
    assert gone.status == 204, told(gone)
    absent = await people.send(Method.DELETE, f"{passes(ada)}/{tap.tap_id}")
    answers.say("absent-pass", told(absent))
    assert absent.status == 404


async def test_a_lifetime_outside_the_policy_is_refused(people: OwnPeople) -> None:
    """400 badRequest, with the word that the product looks for; nothing is made."""
    ada = await people.make()
    answer = await people.send(Method.POST, passes(ada), ONCE | {"lifetimeInMinutes": 43_201})
    assert (answer.status, answer.code.lower()) == (400, "badrequest")
    assert "lifetimeinminutes" in answer.message
    assert (await people.send(Method.GET, passes(ada))).body["value"] == []


async def test_a_second_pass_takes_the_place_of_a_live_one(people: OwnPeople, answers: Answers) -> None:
    """Either it replaces the first or it is refused, and says so: the product copes with both, with nothing else."""
    ada = await people.make()
    body = ONCE | {"lifetimeInMinutes": await lifetime(people)}
    first = parse.created_pass((await people.send(Method.POST, passes(ada), body)).body)
    second = await people.send(Method.POST, passes(ada), body)
    answers.say("live-pass", f"replaced ({second.status})" if second.ok else f"refused ({told(second)})")
    held = [i["id"] for i in (await people.send(Method.GET, passes(ada))).body["value"]]
    if second.ok:
        assert held == [parse.created_pass(second.body).tap_id]
        assert first.tap_id not in held
    else:
        assert held == [first.tap_id]


async def test_what_a_create_makes_of_odd_wishes(people: OwnPeople, answers: Answers) -> None:
    """A start in the past, isUsableOnce left out, multi-use: each is a pass or a 4xx, never a 5xx."""
    ada = await people.make()
    minutes = await lifetime(people)
    policy = parse.policy((await people.send(Method.GET, POLICY)).body)
    past = (datetime.now(UTC) - timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    started = await people.send(Method.POST, passes(ada), ONCE | {"lifetimeInMinutes": minutes, "startDateTime": past})
    kept = started.ok and parse.created_pass(started.body).starts == datetime.fromisoformat(past)
    answers.say("past-start", told(started) + (", kept" if kept else ", moved" if started.ok else ""))
    omitted = await people.send(Method.POST, passes(ada), {"lifetimeInMinutes": minutes})
    once = f"isUsableOnce={omitted.body['isUsableOnce']}, the policy says {policy.one_time_only}" if omitted.ok else ""
    answers.say("omitted-once", f"{told(omitted)} {once}".strip())
    multi = await people.send(Method.POST, passes(ada), {"lifetimeInMinutes": minutes, "isUsableOnce": False})
    answers.say("one-time-policy", told(multi) if policy.one_time_only else "not asked: the policy allows multi-use")
    assert all(a.status < 500 for a in (started, omitted, multi))
    assert multi.ok or policy.one_time_only


async def test_out_of_the_policys_scope(people: OwnPeople, services: Services, answers: Answers) -> None:
    """Refused, or a pass that is not usable; never a usable one."""
    group = services.settings.excluded_group_id
    if group is None:
        answers.say("out-of-scope", "not asked: CONTRACT_EXCLUDED_GROUP_ID is not set")
        return
    ada = await people.make()
    address = f"https://graph.microsoft.com/v1.0/directoryObjects/{ada}"
    joined = await people.send(Method.POST, f"/groups/{group}/members/$ref", {"@odata.id": address})
    assert joined.status == 204, told(joined)
    body = ONCE | {"lifetimeInMinutes": await lifetime(people)}
    answer = await people.send(Method.POST, passes(ada), body)
    worth = answer.body["methodUsabilityReason"] if answer.ok else ""
    answers.say("out-of-scope", f"made ({worth})" if answer.ok else f"refused ({told(answer)})")
    assert not answer.ok or answer.body["isUsable"] is False


async def test_the_default_phone_of_two(people: OwnPeople, answers: Answers) -> None:
    """Removing all phones works in one order: the default last."""
    ada = await people.make()
    phones = f"/users/{ada}/authentication/phoneMethods"
    ids = []
    for kind, number in (("mobile", "+47 41000001"), ("alternateMobile", "+47 41000002")):
        answer = await people.send(Method.POST, phones, {"phoneType": kind, "phoneNumber": number})
        assert answer.status == 201, told(answer)
        ids.append(str(answer.body["id"]))
    default, other = ids
    answers.say("default-phone", told(await people.send(Method.DELETE, f"{phones}/{default}")))
    for phone in (other, default):
        assert (await people.send(Method.DELETE, f"{phones}/{phone}")).status in (204, 404)


async def test_an_account_is_found_by_its_name(people: OwnPeople, answers: Answers) -> None:
    """By id at once or soon, by a filter in the end; sessions can be revoked; who is gone is a 404."""
    ada = await people.make()
    read = await people.until(Method.GET, f"/users/{ada}?$select=id,userPrincipalName,accountEnabled", {200})
    name = read.body["userPrincipalName"]
    assert read.body["accountEnabled"] is True
    began, found = time.monotonic(), False
    while not found and time.monotonic() - began < 120:
        answer = await people.send(Method.GET, f"/users?$filter=userPrincipalName eq '{name}'&$select=id")
        found = [u["id"] for u in answer.body["value"]] == [ada]
        if not found:
            await asyncio.sleep(2)  # another system's index: there is nothing here to wait on
    answers.say("found-by-name", f"after {time.monotonic() - began:.0f} s" if found else "not within 120 s")
    assert found
    assert (await people.send(Method.POST, f"/users/{ada}/revokeSignInSessions")).ok
    await people.remove(ada)
    absent = await people.until(Method.GET, passes(ada), {404})
    answers.say("absent-person", told(absent))


async def test_eight_readings_within_ten_seconds(people: OwnPeople, answers: Answers) -> None:
    """Each is answered or throttled with a time to wait."""
    ada = await people.make()
    got = [await people.send(Method.GET, passes(ada)) for _ in range(8)]
    throttled = [a for a in got if a.status == 429]
    answers.say("five-in-ten", f"{len(throttled)} throttled" if throttled else "not throttled")
    assert {a.status for a in got} <= {200, 429}
    assert all("retry-after" in {name.lower() for name in a.headers} for a in throttled)
