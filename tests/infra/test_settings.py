"""The product starts with the settings that infra/ gives it."""

import pytest

from shared.composition.settings import Settings
from shared.domain.terms import Terms
from tests.infra.bicep import Expression, Value, evaluate
from tests.infra.tree import Infra, texts

GUID = "5b9d7a0e-3f1c-4c55-9d3e-0a4f6f6f2b11"
# What only a deployment knows, by the setting's name.
DEPLOYED = {
    "PASSDESK_BUS__fullyQualifiedNamespace": "pd-prod-x.servicebus.windows.net",
    "PASSDESK_VAULT_URL": "https://pdprodx.vault.azure.net/",
    "PASSDESK_LEDGER_URL": "https://pdlprodx.table.core.windows.net/",
    "PASSDESK_MAILBOX": "passdesk@contoso.com",
    "PASSDESK_PAGE_URL": "https://pd-prod-courier-x.azurewebsites.net",
    "PASSDESK_PAGE_CLIENT_ID": GUID,
    "PASSDESK_SIGN_IN_AUTHORITY": f"https://login.microsoftonline.com/{GUID}/v2.0",
    "PASSDESK_TENANT_ID": GUID,
    "PASSDESK_CLIENT_ID": GUID,
    "PASSDESK_BUS__clientId": GUID,
}


def environment(role: str) -> dict[str, str]:
    """Return the PASSDESK_ settings of a role: infra's values and defaults, and DEPLOYED for the rest."""
    infra = Infra.load(texts())
    main = infra.files["main.bicep"]
    told: dict[str, Value] = {}
    for file, variable in (("main.bicep", "common"), ("modules/app.bicep", "own")):
        group = infra.files[file].variables[variable]
        assert isinstance(group, dict)
        told |= {name: value for name, value in group.items() if name.startswith("PASSDESK_")}
    found = {"PASSDESK_ROLE": role}
    for name, value in told.items():
        if name in DEPLOYED:
            found[name] = DEPLOYED[name]
        elif name != "PASSDESK_ROLE":
            asked = Expression(value.text[9:-2]) if isinstance(value, Expression) and "string" in value.text else value
            known = evaluate(asked, main.params)
            assert isinstance(known, str | int), f"{name} is {known}"
            found[name] = str(known)
    return found


@pytest.mark.parametrize("role", ["issuer", "courier"])
def test_the_product_accepts_what_infra_says(role: str) -> None:
    """Every value parses, and infra's defaults are the product's own."""
    settings = Settings.from_env(environment(role))
    assert settings.role == role
    assert settings.terms == Terms()
    assert settings == Settings.from_env({"PASSDESK_ROLE": role, **DEPLOYED})
