"""What only a run of our own asks of a table account; the rest is `tests/ledger/test_contract.py`, on either target."""

from azure.core.exceptions import HttpResponseError

from tests.contract.questions import Answers
from tests.contract.services import Services


async def test_a_table_of_the_name_of_one_just_dropped(services: Services, answers: Answers) -> None:
    """Made at once, or refused with 409 for a while; the product drops none."""
    name = f"{services.settings.run}again"
    services.journal.made("table", name)
    async with services.tables(retry_total=0) as account:
        await account.create_table(name)
        await account.delete_table(name)
        try:
            await account.create_table(name)
        except HttpResponseError as error:
            refusal = error.status_code
            answers.say("table-again", f"refused ({error.status_code} {getattr(error, 'error_code', '')})")
        else:
            refusal = None
            answers.say("table-again", "made at once")
            await account.delete_table(name)
    services.journal.gone("table", name)
    assert refusal in (None, 409)
