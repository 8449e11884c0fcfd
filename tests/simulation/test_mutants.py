"""The simulation sees: a product that is broken in a known way breaks a promise within a few seeds."""

import pytest

from shared.flows import steps
from tests.simulation.mutants import MUTANTS
from tests.simulation.mutation import Edit, Mutant, Unfit, broken
from tests.simulation.run import run

# Planted where the canary that watches our own tests would find it; `make sim-mutants` has them.
HUNTED = {"log the passcode", "log the exception's text"}
QUICK = [mutant for mutant in MUTANTS if not mutant.rare and mutant.name not in HUNTED]
_MOST = 60


@pytest.mark.parametrize("mutant", QUICK, ids=lambda m: m.name)
def test_a_mutant_is_seen(mutant: Mutant) -> None:
    """A check that could not fail would prove nothing; the other mutants are hunted by `make sim-mutants`."""
    with broken(mutant):
        verdict = next((v for seed in range(_MOST) if (v := run(seed)).number), None)
    assert verdict is not None, f"{mutant.name} was not seen in {_MOST} seeds"
    assert verdict.story, "it tells what happened"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_every_mutant_still_fits_the_product(mutant: Mutant) -> None:
    """A mutant whose text is gone from the product is noticed at once, and nothing of it is left behind."""
    before = dict(vars(steps))
    with broken(mutant):
        pass
    assert dict(vars(steps)) == before


def test_what_is_hunted_exists() -> None:
    """A name that no mutant has would let one go unnoticed."""
    assert {mutant.name for mutant in MUTANTS} >= HUNTED


def test_every_promise_has_mutants() -> None:
    """Each of the ten promises is broken by at least two of them."""
    assert all(sum(m.promise == number for m in MUTANTS) >= 2 for number in range(1, 11))
    assert len({m.name for m in MUTANTS}) == len(MUTANTS)


def test_a_mutant_that_does_not_fit_is_refused() -> None:
    """A text that is not in the product, or stands there twice, breaks nothing and says so."""
    for text in ("no such text", "await"):
        edits = (Edit("shared.flows.steps:finish", ((text, "pass"),)),)
        with pytest.raises(Unfit), broken(Mutant("unfit", 1, edits)):
            pass
