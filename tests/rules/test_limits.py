"""Caps: who is over one, until when, and who came first."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.limits import CONTENDED, DAY, HOUR, Caps, Counted, last_pass, over_cap
from shared.domain.orders import Purpose
from shared.domain.terms import JOINER_CAPS, TICKET_CAPS
from tests.rules.facts import NOW

SECOND = timedelta(seconds=1)
NONE = Caps(verifier=None, recipient=None, tenant=None)


def counted(
    name: str = "mine",
    at: datetime = NOW,
    person: str = "ada",
    recipient: str = "dana",
    verifiers: tuple[str, ...] = ("dev",),
) -> Counted:
    """Return a pass under the caps."""
    return Counted(Purpose.RECOVERY, name, at, person, recipient, verifiers)


def over(caps: Caps, *others: Counted, mine: Counted | None = None) -> tuple[str, datetime] | None:
    """Return which cap is used up and until when."""
    found = over_cap(mine or counted(), others, caps)
    return (str(found.finding), found.until) if found else None


EARLIER = NOW - 10 * SECOND


@pytest.mark.parametrize(
    ("sentence", "caps", "others", "expected"),
    [
        ("no cap, no limit", NONE, [counted("a", EARLIER)] * 9, None),
        ("below the cap there is room", Caps(2, 2, 2), [counted("a", EARLIER)], None),
        ("the verifier's cap, for a day", Caps(1, None, None), [counted("a", EARLIER, recipient="x")],
         ("over_cap:verifier", EARLIER + DAY)),
        ("another verifier's passes are not mine", Caps(1, None, None), [counted("a", EARLIER, verifiers=("nils",))],
         None),
        ("the recipient's cap, for a day", Caps(None, 1, None), [counted("a", EARLIER, verifiers=())],
         ("over_cap:recipient", EARLIER + DAY)),
        ("another recipient's passes are not mine", Caps(None, 1, None), [counted("a", EARLIER, recipient="x")], None),
        ("the tenant's cap, for an hour, whoever it was", Caps(None, None, 1),
         [counted("a", EARLIER, "x", "y", ())], ("over_cap:tenant", EARLIER + HOUR)),
        ("a whole hour ago is over", Caps(None, None, 1), [counted("a", NOW - HOUR)], None),
        ("a second less is not", Caps(None, None, 1), [counted("a", NOW - HOUR + SECOND)],
         ("over_cap:tenant", NOW + SECOND)),
        ("a whole day ago is over", Caps(1, 1, None), [counted("a", NOW - DAY)], None),
        ("until the one leaves that makes room", Caps(None, None, 2),
         [counted("a", NOW - 3 * SECOND), counted("b", NOW - 2 * SECOND), counted("c", NOW - SECOND)],
         ("over_cap:tenant", NOW - 2 * SECOND + HOUR)),
        ("in whatever order the rows come", Caps(None, None, 2),
         [counted("c", NOW - SECOND), counted("a", NOW - 3 * SECOND), counted("b", NOW - 2 * SECOND)],
         ("over_cap:tenant", NOW - 2 * SECOND + HOUR)),
        ("the cap that lasts longest is named", Caps(1, None, 1), [counted("a", EARLIER)],
         ("over_cap:verifier", EARLIER + DAY)),
        ("who comes later may have looked before me, so I give way, for a moment", Caps(None, None, 1),
         [counted("a", NOW + SECOND)], ("over_cap:tenant", NOW + CONTENDED)),
        ("of two at once the smaller id gives way for a moment", Caps(None, None, 1), [counted("z")],
         ("over_cap:tenant", NOW + CONTENDED)),
        ("and the other one until the cap has room", Caps(None, None, 1), [counted("a")],
         ("over_cap:tenant", NOW + HOUR)),
        ("my own row does not count against me", Caps(1, 1, 1), [counted()], None),
        ("a cap of nothing holds everything back", Caps(None, None, 0), [], ("over_cap:tenant", NOW + HOUR)),
    ],
)  # fmt: skip
def test_each_cap(sentence: str, caps: Caps, others: list[Counted], expected: tuple[str, datetime] | None) -> None:
    """Promise 10: caps count every other pass within the cap's window."""
    assert over(caps, *others) == expected, sentence


def test_each_of_several_verifiers_has_a_cap() -> None:
    """Promise 10: a second name beside one's own does not open a new account."""
    mine = counted(verifiers=("nils", "dev"))
    assert over(Caps(1, None, None), counted("a", EARLIER), mine=mine) == ("over_cap:verifier", EARLIER + DAY)


def test_joiners_have_no_verifier_and_caps_of_their_own() -> None:
    """The defaults that the documentation states."""
    assert Caps(verifier=None, recipient=50, tenant=500) == JOINER_CAPS
    assert Caps(verifier=20, recipient=5, tenant=50) == TICKET_CAPS


def test_the_last_pass_is_the_persons_own_and_not_this_requests() -> None:
    """Promise 7: a repeat of the same request is no second recovery; somebody else's pass is none of ours."""
    rows = (counted("a", EARLIER), counted("b", NOW), counted("c", NOW + SECOND, person="bo"))
    assert last_pass("ada", rows, but="mine") == NOW
    assert last_pass("ada", rows, but="b") == EARLIER
    assert last_pass("ada", (), but="b") is None
    assert last_pass("erik", rows, but="b") is None


queue = st.lists(
    st.builds(
        counted,
        st.uuids().map(str),
        st.timedeltas(-2 * DAY, 2 * DAY).map(lambda d: NOW + d),
        st.sampled_from(["ada", "bo"]),
        st.sampled_from(["dana", "jonas"]),
        st.sampled_from([(), ("dev",), ("dev", "nils")]),
    ),
    max_size=12,
    unique_by=lambda c: c.request_id,
)
caps = st.builds(Caps, *[st.none() | st.integers(0, 3)] * 3)


@given(queue, caps)
def test_no_window_ever_holds_more_than_its_cap(rows: list[Counted], limits: Caps) -> None:
    """Promise 10: whoever looks after all others have written is never one too many, in whatever order they come."""
    through: list[Counted] = []
    for row in rows:
        if over_cap(row, tuple(through), limits) is None:
            through.append(row)
            if limits.tenant is not None:
                assert sum(c.at > row.at - HOUR for c in through) <= limits.tenant
            if limits.recipient is not None:
                same = [c for c in through if c.recipient_id == row.recipient_id]
                assert sum(c.at > row.at - DAY for c in same) <= limits.recipient


@given(queue, caps, st.permutations(range(12)))
def test_the_order_of_rows_does_not_matter(rows: list[Counted], limits: Caps, order: list[int]) -> None:
    """Promise 10: the answer depends on what stands in the ledger alone, and its time lies ahead."""
    mine = counted()
    found = over_cap(mine, tuple(rows), limits)
    assert over_cap(mine, tuple(rows[i] for i in order if i < len(rows)), limits) == found
    if found is not None:
        assert found.until > mine.at
