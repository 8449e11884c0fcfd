"""docs/cost.md says what its calculation says, and the calculation takes no less than a pass really takes."""

import copy
import re

import pytest

from bench import cost
from shared.flows.page_answers import Shown
from tests.ground.tree import text
from tests.infra.tree import Infra, texts
from tests.memory.day import Day


def test_the_page_has_the_table_that_the_script_prints() -> None:
    """Nobody edits a figure by hand."""
    assert cost.table(cost.load()) in text("docs/cost.md")


def test_every_input_counts() -> None:
    """A number that changes nothing would only look like an input."""
    inputs = cost.load()
    for section, values in inputs.items():
        for name in values:
            changed = copy.deepcopy(inputs)
            changed[section][name] *= 3
            # Premium's price stands in a row of its own.
            differs = cost.bill(changed) != cost.bill(inputs) or cost.table(changed) != cost.table(inputs)
            assert differs, name


def test_the_always_part_is_what_infra_deploys() -> None:
    """Alert rules by how often they run, schedules and memory."""
    infra, inputs = Infra.load(texts()), cost.load()
    every = [row["every"] for row in infra.table("modules/alerts.bicep", "alerts")]
    for minutes in (5, 10, 15):
        assert inputs["always"][f"alerts_{minutes}_minutes"] == every.count(f"PT{minutes}M")
    main = infra.files["main.bicep"].params
    assert main["cleanUpSchedule"] == f"0 */{inputs['always']['clean_up_every_minutes']} * * * *"
    assert main["reDriveSchedule"] == "30 * * * * *"
    assert inputs["always"]["re_drive_every_minutes"] == 1
    memory = re.search(r"instanceMemoryMB: (\d+)", text("infra/modules/app.bicep"))
    assert memory
    assert inputs["sizes"]["memory_gb"] == int(memory.group(1)) / 1024


async def test_a_pass_takes_no_more_than_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """A joiner from event to closed, in memory: lines, and calls to vault, ledger and directory, are in the inputs."""
    caplog.set_level("INFO", logger="passdesk")
    day = Day()
    request = day.hired("ada", employeeId="10042")
    await day.pump()
    assert isinstance(await day.reveal("dana", request), Shown)
    await day.to_rest()
    calls = [name.partition(".")[0] for name in day.checkpoint.trail if name.endswith(".before")]
    lines = [record for record in caplog.records if "swept" not in record.getMessage()]
    each = cost.load()["pass"]
    took = {
        "journal_lines": len(lines),
        "table_transactions": calls.count("ledger") + calls.count("handovers") + calls.count("requests"),
        "vault_transactions": calls.count("vault") + calls.count("courier_vault"),
        "spans": calls.count("directory") + calls.count("notices") + each["executions"],
        "executions": calls.count("bus"),
    }
    assert all(took.values())
    assert {name: (count, each[name]) for name, count in took.items() if count > each[name]} == {}
