"""Rules about how the parts are joined: accounts, apps, settings, sign-in, params."""

import contextlib
import re
import unittest.mock
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet

from shared.composition.settings import BadSettings, Settings, _Reader
from tests.infra.bicep import Declared, Expression
from tests.infra.tree import ACCOUNT, ROOT, SITE, Infra, dig, text, wants


def three_accounts(infra: Infra) -> Iterator[str]:
    """Issuer's host, courier's host and ledger are three storage accounts, and each app has its own."""
    accounts = infra.modules_of("modules/storage.bicep")
    if len({text(dig(a.value, "params.name")) for a in accounts}) != 3:
        yield "there are not three storage accounts with three names"
    for account in infra.made(ACCOUNT):
        if account.file != "modules/storage.bicep":
            yield f"{account.file} makes a storage account of its own"
    tables = {a.symbol: dig(a.value, "params.tables") for a in accounts if dig(a.value, "params.tables")}
    if tables != {"ledgerStorage": ["requests", "due", "handovers"]}:
        yield f"the tables are {tables}"
    for app in infra.modules_of("modules/app.bicep"):
        for member in ("storageName", "packageUrl"):
            if not text(dig(app.value, f"params.{member}")).removeprefix("${").startswith(f"{app.symbol}Storage."):
                yield f"{app.symbol} has a host storage that is not its own"
    names = dig(infra.module("access").value, "params.hostStorageNames")
    if not isinstance(names, dict) or {k: text(v) for k, v in names.items()} != {
        "issuer": "issuerStorage.outputs.name",
        "courier": "courierStorage.outputs.name",
    }:
        yield "an app gets rights on a host storage that is not its own"


def the_page_is_behind_sign_in(infra: Infra) -> Iterator[str]:
    """Nobody reaches the courier without signing in; nobody reaches the issuer at all."""
    sign_ins = [c for c in infra.made(f"{SITE}/config") if c.get("name") == "authsettingsV2"]
    if len(sign_ins) != 1:
        yield "platform authentication is not configured"
    for sign_in in sign_ins:
        yield from wants(
            sign_in,
            properties__platform__enabled=True,
            properties__globalValidation__requireAuthentication=True,
            properties__globalValidation__unauthenticatedClientAction="RedirectToLoginPage",
            properties__globalValidation__excludedPaths=["/health"],
            properties__httpSettings__requireHttps=True,
            properties__identityProviders__azureActiveDirectory__enabled=True,
            properties__identityProviders__azureActiveDirectory__validation__allowedAudiences=[
                Expression("signIn . clientId")
            ],
        )
    if "authentication 'Microsoft.Web/sites/config@2024-04-01' = if (serves)" not in infra.texts["modules/app.bicep"]:
        yield "platform authentication does not hang on whether the app serves people"
    if infra.files["modules/app.bicep"].variables.get("serves") != Expression("role == 'courier'"):
        yield "somebody else than the courier serves people"
    for site in infra.made(SITE):
        door = text(site.get("properties.siteConfig.ipSecurityRestrictionsDefaultAction"))
        if door != "serves?'Allow':'Deny'":
            yield "the issuer's front door is open"
    if not dig(infra.module("courier").value, "params.signIn") or dig(infra.module("issuer").value, "params.signIn"):
        yield "sign-in is the courier's, and only the courier's"


def two_apps(infra: Infra) -> Iterator[str]:
    """Two apps, one for each role, each with its own identity, on Flex Consumption with Python 3.13."""
    apps = infra.modules_of("modules/app.bicep")
    if [dig(a.value, "params.role") for a in apps] != ["issuer", "courier"]:
        yield "the apps are not issuer and courier"
    for app in apps:
        for member, output in (("identityId", "Id"), ("identityClientId", "ClientId")):
            if text(dig(app.value, f"params.{member}")) != f"identities.outputs.{app.symbol}{output}":
                yield f"{app.symbol} has an identity that is not its own"
    for site in infra.made(SITE):
        yield from wants(
            site,
            properties__functionAppConfig__runtime__name="python",
            properties__functionAppConfig__runtime__version="3.13",
            identity={"type": "UserAssigned", "userAssignedIdentities": {"${identityId}": {}}},
        )
        deployment = "properties.functionAppConfig.deployment.storage.authentication.type"
        if site.get(deployment) != "UserAssignedIdentity":
            yield "an app gets its package with something else than its identity"
    for plan in infra.made("Microsoft.Web/serverfarms"):
        yield from wants(plan, sku__name="FC1")


# What the platform or the host reads; everything else must be the product's.
PLATFORM = {
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
}


def settings_in_infra(infra: Infra) -> set[str]:
    """Return the name of every setting that an app gets, the platform's aside."""
    app = infra.files["modules/app.bicep"].variables
    groups = (infra.files["main.bicep"].variables["common"], app["own"], app["pageCredential"])
    return {name for group in groups if isinstance(group, dict) for name in group} - PLATFORM


def settings_in_code() -> set[str]:
    """Return the name of every setting that the product asks for, or that a binding of it names."""
    asked: set[str] = set()
    real = _Reader.one

    def one[T](self: _Reader, name: str, parse: Callable[[str], T], *, default: str | None = None) -> T:
        asked.add(f"PASSDESK_{name}")
        return real(self, name, parse, default=default)

    with unittest.mock.patch.object(_Reader, "one", one), contextlib.suppress(BadSettings):
        Settings.from_env({})
    code = [ROOT / "function_app.py", *(ROOT / "functions").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]
    spelt = {
        name
        for path in code
        if path.exists()
        for name in re.findall(r"\bPASSDESK_[A-Z][A-Z0-9_]*[A-Z0-9](?:__[A-Za-z]+)?", path.read_text(encoding="utf-8"))
    }
    return asked | spelt


def connections_are_identities(infra: Infra) -> Iterator[str]:
    """Bus and host storage are reached by identity: an exact setting of a connection's name would win over it."""
    app = infra.files["modules/app.bicep"].variables
    groups = (infra.files["main.bicep"].variables["common"], app["own"], app["pageCredential"])
    told = {name: value for group in groups if isinstance(group, dict) for name, value in group.items()}
    for connection in ("PASSDESK_BUS", "AzureWebJobsStorage"):
        if connection in told:
            yield f"{connection} is set itself"
        if told.get(f"{connection}__credential") != "managedidentity":
            yield f"{connection} is not reached by identity"
        if told.get(f"{connection}__clientId") != Expression("identityClientId"):
            yield f"{connection} is not reached by the app's own identity"
    for output, value in infra.files["main.bicep"].outputs.items():
        if "connection" in text(value).lower() or "connection" in output.lower():
            yield f"the output {output} is a connection"


def settings_are_the_codes(infra: Infra) -> Iterator[str]:
    """Apps are told the settings that the code reads, and nothing else."""
    code = settings_in_code()
    told = settings_in_infra(infra)
    # A binding names the connection; the host itself reads what stands below it.
    connections = {name.split("__")[0] for name in told if "__" in name}
    for name in sorted(code - told - connections):
        yield f"the code reads {name}, infra does not set it"
    for name in sorted(told - code):
        if name.split("__")[0] not in code:
            yield f"infra sets {name}, the code does not read it"
    for app in infra.modules_of("modules/app.bicep"):
        if text(dig(app.value, "params.settings")) != "common":
            yield f"{app.symbol} is not told the common settings"
    for told_how in (c for c in infra.made(f"{SITE}/config") if c.get("name") == "appsettings"):
        if text(told_how.get("properties")) != "union(settings,own,serves?pageCredential:{})":
            yield f"the apps are told {text(told_how.get('properties'))}"


def modules_get_what_they_take(infra: Infra) -> Iterator[str]:
    """Every module gets all params without a default and none that it does not have; outputs exist."""
    for module in infra.files["main.bicep"].modules:
        file = infra.files.get(module.kind)
        if file is None:
            yield f"{module.symbol}: no file {module.kind}"
            continue
        yield from _params(module, set(file.params), {n for n, v in file.params.items() if v == Expression("")})
    main = infra.files["main.bicep"]
    given = set(re.findall(r"^param (\w+) =", infra.texts["main.bicepparam"], re.MULTILINE))
    needed = {name for name, value in main.params.items() if value == Expression("")}
    for name in sorted((given - main.params.keys()) | (needed - given)):
        yield f"main.bicepparam and main.bicep differ in {name}"
    for symbol, output in re.findall(r"\b(\w+)\.outputs\.(\w+)", infra.texts["main.bicep"]):
        if output not in infra.files[infra.module(symbol).kind].outputs:
            yield f"{symbol} has no output {output}"


def _params(module: Declared, known: AbstractSet[str], needed: AbstractSet[str]) -> Iterator[str]:
    given = dig(module.value, "params")
    names = set(given) if isinstance(given, dict) else set()
    for name in sorted(names - known):
        yield f"{module.symbol}: {module.kind} takes no {name}"
    for name in sorted(needed - names):
        yield f"{module.symbol}: {module.kind} needs {name}"
