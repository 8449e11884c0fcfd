"""Every state of the pages, one after the other, as people come to them: for whoever judges or pictures each of them.

A journey yields a state's name and the window that shows it. The window may be resized and recoloured meanwhile.
"""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from local.directory.roles import GLOBAL_ADMINISTRATOR, Grant
from local.directory.tenant import person_id, upn
from local.faults import Fault, Kind
from tests.browser.town import Town
from tests.browser.visitor import Visitor, press
from tests.e2e.tickets import lost

type Journey = AsyncIterator[tuple[str, Visitor]]
type Comes = Callable[[str], Awaitable[Visitor]]

_TOKEN = 'form[method="post"] input[name="token"]'
_SEND = 'form[method="post"] button'
_CHECK = 'input[name="check"]'


@contextmanager
def standing_still(town: Town) -> Iterator[None]:
    """Let the issuer do nothing for a while."""
    process = town.stage.apps["issuer"].process
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


async def handing_over(town: Town, comes: Comes) -> Journey:
    """Go from the empty list to the receipt."""
    dana = await comes("dana")
    yield "list-empty", dana
    _, request = await town.waiting()
    await dana.open("/handover")
    yield "list", dana
    await dana.page.locator(f'a[href="/handover/{request}"]').click()
    await dana.page.locator(_CHECK).first.wait_for()
    yield "person", dana
    await dana.page.eval_on_selector_all(_CHECK, "all => all.forEach(one => one.required = false)")
    await dana.press_reveal()
    yield "person-not-checked", dana
    await dana.check("badge")
    await dana.press_reveal()
    yield "shown", dana
    await dana.page.locator("[data-pass] summary").click()
    yield "shown-spelt", dana
    await dana.page.locator("[data-hide] button.main").click()
    yield "hidden", dana
    await dana.open(f"/handover/{request}")
    yield "receipt", dana


async def a_fresh_pass(town: Town, comes: Comes) -> Journey:
    """Follow a pass that was shown in vain, or that ran out."""
    dana = await comes("dana")
    _, request = await town.waiting()
    await dana.reveal(request)
    await town.stage.reaches(request, "revealed")
    await dana.open(f"/handover/{request}")
    with standing_still(town):
        await press(dana.page, _SEND)
        yield "being-made", dana
    await town.stage.quiet()
    name, refused = await town.waiting()
    await dana.reveal(refused)
    await town.stage.reaches(refused, "revealed")
    grant = Grant(person_id(name), GLOBAL_ADMINISTRATOR.definition_id, town.stage.now)
    town.stage.desk.directory.roles.active.append(grant)
    await dana.open(f"/handover/{refused}")
    await press(dana.page, _SEND)
    await town.stage.reaches(refused, "refused")
    await dana.open(f"/handover/{refused}")
    yield "not-made", dana
    _, lapsed = await town.waiting()
    await town.stage.travel_to(town.stage.now + timedelta(minutes=75))
    await town.stage.fire("clean_up")
    await town.stage.reaches(lapsed, "lapsed")
    await dana.open(f"/handover/{lapsed}")
    yield "sign-in", dana
    await dana.sign_in_here()
    yield "lapsed", dana


async def not_me(town: Town, comes: Comes) -> Journey:
    """Disown a pass, as its recipient and as the person it is for."""
    name, request = await town.waiting()
    dana = await comes("dana")
    await dana.open(f"/not-me/{request}")
    yield "not-me-recipient", dana
    person = await comes(name)
    await person.open(f"/not-me/{request}")
    yield "not-me-person", person
    await press(person.page, _SEND)
    yield "not-me-said", person


async def nothing_there(town: Town, comes: Comes) -> Journey:
    """Meet links that are not for the reader, a moment's trouble, and forms that are not ours."""
    _, request = await town.waiting()
    erik = await comes("erik")
    await erik.open(f"/handover/{request}")
    yield "gone", erik
    dana = await comes("dana")
    town.stage.desk.faults.order(Fault("vault", "get", Kind.FAIL, count=20))
    await dana.reveal(request)
    town.stage.desk.faults.clear()
    yield "try-again", dana
    for value, state in (("0", "form-expired"), ("0" * 5_000, "too-large")):
        await dana.open(f"/handover/{request}")
        await dana.check()
        await dana.page.eval_on_selector(_TOKEN, "(field, value) => { field.value = value; }", value)
        await press(dana.page, _SEND)
        yield state, dana


async def an_approval(town: Town, comes: Comes) -> Journey:
    """Read and answer what a second person is asked."""
    request = await lost(town, "omar")
    await town.stage.reaches(request, "needs_approval")
    await town.stage.quiet()
    paula = await comes("approver")
    await paula.open("/handover")
    yield "list-to-decide", paula
    await paula.open(f"/approval/{request}")
    yield "question", paula
    await paula.page.eval_on_selector("#agent", "field => { field.required = false; }")
    await press(paula.page, 'button[value="approve"]')
    yield "question-no-agent", paula
    await paula.page.locator("#agent").fill(upn("desk.night"))
    with standing_still(town):
        await press(paula.page, 'button[value="approve"]')
        yield "answered", paula
        await paula.open(f"/approval/{request}")
        yield "answered-before", paula
    await town.stage.quiet()
    erik = await comes("erik")
    await erik.open(f"/approval/{request}")
    yield "not-to-decide", erik


JOURNEYS = (handing_over, a_fresh_pass, not_me, nothing_there, an_approval)
