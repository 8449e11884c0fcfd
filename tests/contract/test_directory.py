"""What the product may rely on from Graph, with people of our own; and what no document says, asked."""

import time
from datetime import UTC, datetime, timedelta

from kiota_abstractions.method import Method

from shared.adapters import graph_parse as parse
from shared.adapters.graph_http import Answer
from shared.domain.people import ExistingPass
from tests.contract.people import POLICY, OwnPeople
from tests.contract.questions import Answers
from tests.contract.services import Services


def passes(person: str) -> str:
    """Return the path of a person's passes."""
    return f"/users/{person}/authentication/temporaryAccessPassMethods"


def told(answer: Answer) -> str:
    """Return status, code and text of an answer: of a success the status alone, for it may hold a passcode."""
    if answer.ok:
        return str(answer.status)
    return f"{answer.status} {answer.code}: {answer.message[:120]}"


async def wish(people: OwnPeople, **more: object) -> dict[str, object]:
    """Return the body of a create that the tenant's policy takes."""
    policy = await people.send(Method.GET, POLICY)
    assert policy.ok, told(policy)
    return {
        "lifetimeInMinutes": parse.policy(policy.body).minimum // timedelta(minutes=1),
        "isUsableOnce": True,
        **more,
    }


async def listing(people: OwnPeople, person: str, *expected: str) -> list[ExistingPass]:
    """Return a person's passes once the list shows exactly these ids."""

    def good(answer: Answer) -> bool:
        return answer.ok and [item["id"] for item in answer.body["value"]] == list(expected)

    answer = await people.until(Method.GET, passes(person), good)
    assert all(item["temporaryAccessPass"] is None for item in answer.body["value"])
    return [parse.existing_pass(item) for item in answer.body["value"]]


async def drop(people: OwnPeople, person: str, answer: Answer) -> None:
    """Delete the pass that a create made, so that the next one meets none."""
    if answer.ok:
        tap = parse.created_pass(answer.body).tap_id
        await people.until(Method.DELETE, f"{passes(person)}/{tap}", lambda a: a.status in (204, 404))
        await listing(people, person)


async def test_a_pass_lives_and_goes(people: OwnPeople, answers: Answers) -> None:
    """201 with the passcode, once; listed and read without it; 204 for its deletion, and then it is gone."""
    ada = await people.make()
    body = await wish(people)
    made = await people.post(passes(ada), body)
    assert made.status == 201, told(made)
    tap = parse.created_pass(made.body)
    answers.say("usable-at-once", str(made.body["methodUsabilityReason"]))
    assert tap.lifetime == timedelta(minutes=int(str(body["lifetimeInMinutes"])))
    (seen,) = await listing(people, ada, tap.tap_id)
    assert seen.one_time
    one = await people.until(Method.GET, f"{passes(ada)}/{tap.tap_id}", lambda a: a.ok)
    assert one.body["temporaryAccessPass"] is None
    gone = await people.send(Method.DELETE, f"{passes(ada)}/{tap.tap_id}")
    assert gone.status == 204, told(gone)
    absent = await people.until(Method.DELETE, f"{passes(ada)}/{tap.tap_id}", lambda a: not a.ok)
    answers.say("absent-pass", told(absent))
    assert absent.status == 404


async def test_a_lifetime_outside_the_policy_is_refused(people: OwnPeople) -> None:
    """400 badRequest, with the word that the product looks for; nothing is made."""
    ada = await people.make()
    answer = await people.post(passes(ada), await wish(people, lifetimeInMinutes=43_201))
    assert (answer.status, answer.code.lower()) == (400, "badrequest")
    assert "lifetimeinminutes" in answer.message
    assert await listing(people, ada) == []


async def test_a_second_pass_takes_the_place_of_a_live_one(people: OwnPeople, answers: Answers) -> None:
    """Either it replaces the first or it is refused, and says so: the product copes with both, with nothing else."""
    ada = await people.make()
    body = await wish(people)
    first = parse.created_pass((await people.post(passes(ada), body)).body)
    await listing(people, ada, first.tap_id)
    second = await people.post(passes(ada), body)
    answers.say("live-pass", f"replaced ({second.status})" if second.ok else f"refused ({told(second)})")
    await listing(people, ada, parse.created_pass(second.body).tap_id if second.ok else first.tap_id)
    assert second.ok or 400 <= second.status < 500


async def test_what_a_create_makes_of_odd_wishes(people: OwnPeople, answers: Answers) -> None:
    """A start in the past, isUsableOnce left out, multi-use: each is a pass or a 4xx, never a 5xx."""
    ada = await people.make()
    policy = parse.policy((await people.send(Method.GET, POLICY)).body)
    past = (datetime.now(UTC) - timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    started = await people.post(passes(ada), await wish(people, startDateTime=past))
    kept = started.ok and parse.created_pass(started.body).starts == datetime.fromisoformat(past)
    answers.say("past-start", told(started) + (", kept" if kept else ", moved" if started.ok else ""))
    await drop(people, ada, started)
    bare = await wish(people)
    del bare["isUsableOnce"]
    omitted = await people.post(passes(ada), bare)
    once = f"isUsableOnce={omitted.body['isUsableOnce']}, the policy says {policy.one_time_only}" if omitted.ok else ""
    answers.say("omitted-once", f"{told(omitted)} {once}".strip())
    await drop(people, ada, omitted)
    multi = await people.post(passes(ada), await wish(people, isUsableOnce=False))
    answers.say("one-time-policy", told(multi) if policy.one_time_only else "not asked: the policy allows multi-use")
    assert all(a.status < 500 for a in (started, omitted, multi))
    assert multi.ok != policy.one_time_only


async def test_out_of_the_policys_scope(people: OwnPeople, services: Services, answers: Answers) -> None:
    """Refused, or a pass that is not usable; in the end never a usable one."""
    group = services.settings.excluded_group_id
    if group is None:
        answers.say("out-of-scope", "not asked: CONTRACT_EXCLUDED_GROUP_ID is not set")
        return
    ada = await people.make()
    address = f"https://graph.microsoft.com/v1.0/directoryObjects/{ada}"
    joined = await people.post(f"/groups/{group}/members/$ref", {"@odata.id": address})
    assert joined.status == 204, told(joined)

    def outside(answer: Answer) -> bool:
        return answer.status != 404 and (not answer.ok or answer.body["isUsable"] is False)

    answer = await people.until(Method.POST, passes(ada), outside, await wish(people))
    worth = answer.body["methodUsabilityReason"] if answer.ok else ""
    answers.say("out-of-scope", f"made ({worth})" if answer.ok else f"refused ({told(answer)})")
    assert answer.ok or 400 <= answer.status < 500


async def test_the_default_phone_of_two(people: OwnPeople, answers: Answers) -> None:
    """Removing all phones works in one order: the default last."""
    ada = await people.make()
    phones = f"/users/{ada}/authentication/phoneMethods"
    ids = []
    for kind, number in (("mobile", "+47 41000001"), ("alternateMobile", "+47 41000002")):
        answer = await people.post(phones, {"phoneType": kind, "phoneNumber": number})
        assert answer.status == 201, told(answer)
        ids.append(str(answer.body["id"]))
    default, other = ids
    answers.say("default-phone", told(await people.send(Method.DELETE, f"{phones}/{default}")))
    for phone in (other, default):
        await people.until(Method.DELETE, f"{phones}/{phone}", lambda a: a.status in (204, 404))


async def test_an_account_is_found_by_its_name(people: OwnPeople, answers: Answers) -> None:
    """By id at once or soon, by a filter in the end; sessions can be revoked; who is gone is a 404."""
    ada = await people.make()
    read = await people.until(Method.GET, f"/users/{ada}?$select=id,userPrincipalName,accountEnabled", lambda a: a.ok)
    name = read.body["userPrincipalName"]
    assert read.body["accountEnabled"] is True
    began = time.monotonic()

    def found(answer: Answer) -> bool:
        return answer.ok and [user["id"] for user in answer.body["value"]] == [ada]

    await people.until(Method.GET, f"/users?$filter=userPrincipalName eq '{name}'&$select=id", found)
    answers.say("found-by-name", f"after {time.monotonic() - began:.0f} s")
    assert (await people.post(f"/users/{ada}/revokeSignInSessions")).ok
    await people.remove(ada)
    absent = await people.until(Method.GET, passes(ada), lambda a: not a.ok)
    answers.say("absent-person", told(absent))
    assert absent.status == 404


async def test_eight_readings_within_ten_seconds(people: OwnPeople, answers: Answers) -> None:
    """Each is answered or throttled with a time to wait."""
    ada = await people.make()
    got = [await people.send(Method.GET, passes(ada), patient=False) for _ in range(8)]
    throttled = [a for a in got if a.status == 429]
    answers.say("five-in-ten", f"{len(throttled)} of 8 throttled" if throttled else "not throttled")
    assert {a.status for a in got} <= {200, 429}
    assert all("retry-after" in {name.lower() for name in a.headers} for a in throttled)
