"""Rules about keys, local authentication, transport and the vault."""

import re
from collections.abc import Iterator

from tests.infra.bicep import Expression
from tests.infra.tree import ACCOUNT, BUS, SITE, VAULT, Infra, dig, name_of, text, wants

# What would be, make or move a key. Application Insights' connection string is an address: its local
# authentication is off, and Functions knows no other way to be told it.
_KEYS = re.compile(
    r"list(?:Keys|Secrets|AccountSas|ServiceSas|HostKeys)|AuthorizationRules|AccountKey|SharedAccess(?:Key|Signature)"
    r"|@secure|clientSecret(?!SettingName)|password|primaryKey|connectionString"
    r"|Endpoint=sb:|DefaultEndpointsProtocol|[?&]sig=",
    re.IGNORECASE,
)
_NO_KEY = ("insights.properties.ConnectionString", "APPLICATIONINSIGHTS_CONNECTION_STRING")
_COMMENT = re.compile(r"(?<![:'])//[^\n]*")


def no_keys(infra: Infra) -> Iterator[str]:
    """No key, secret, SAS rule or connection string is read, made or passed, in an output or a setting either."""
    for path, written in infra.texts.items():
        if path.startswith("docs/"):
            continue
        for number, line in enumerate(written.splitlines(), 1):
            code = _COMMENT.sub("", line)
            for allowed in _NO_KEY:
                code = code.replace(allowed, "")
            if found := _KEYS.search(code):
                yield f"{path}:{number}: {found.group()}"


def no_local_authentication(infra: Infra) -> Iterator[str]:
    """Entra is the only way in: no SAS, no shared key, no publishing password."""
    for bus in infra.made(BUS):
        yield from wants(bus, properties__disableLocalAuth=True)
    for account in infra.made(ACCOUNT):
        yield from wants(account, properties__allowSharedKeyAccess=False, properties__allowBlobPublicAccess=False)
    for container in infra.made("containers"):
        if dig(getattr(container.value, "body", container.value), "properties.publicAccess") != "None":
            yield f"{container.file}: a container is open to everybody"
    for insights in infra.made("Microsoft.Insights/components"):
        yield from wants(insights, properties__DisableLocalAuth=True)
    doors = infra.made(f"{SITE}/basicPublishingCredentialsPolicies")
    for door in doors:
        yield from wants(door, properties__allow=False)
    if {name_of(door) for door in doors} != {"ftp", "scm"}:
        yield "publishing passwords are not off for both ftp and scm"


def transport_is_tls_1_2(infra: Infra) -> Iterator[str]:
    """Nothing speaks less than TLS 1.2, and nothing speaks without it."""
    for account in infra.made(ACCOUNT):
        yield from wants(account, properties__minimumTlsVersion="TLS1_2", properties__supportsHttpsTrafficOnly=True)
    for bus in infra.made(BUS):
        yield from wants(bus, properties__minimumTlsVersion="1.2")
    for site in infra.made(SITE):
        yield from wants(
            site,
            properties__httpsOnly=True,
            properties__siteConfig__minTlsVersion="1.2",
            properties__siteConfig__scmMinTlsVersion="1.2",
            properties__siteConfig__ftpsState="Disabled",
        )


_NETWORK = {BUS: ("Disabled", "Enabled"), ACCOUNT: ("Disabled", "Enabled"), VAULT: ("disabled", "enabled")}


def private_is_private(infra: Infra) -> Iterator[str]:
    """With `privateNetwork` bus, vault and storage are off the internet, each with an endpoint; the default is off."""
    for kind, (off, on) in _NETWORK.items():
        for made in infra.made(kind):
            if text(made.get("properties.publicNetworkAccess")) != f"privateNetwork?'{off}':'{on}'":
                yield f"{made.file}: {kind} does not follow privateNetwork"
    main = infra.files["main.bicep"]
    if main.params.get("privateNetwork") is not False:
        yield "privateNetwork is not off by default"
    targets = dig(infra.module("network").value, "params.targets")
    found = {
        (str(t["name"]), text(t["id"]), str(t["group"]), text(t["zone"]))
        for t in (targets if isinstance(targets, list) else [])
        if isinstance(t, dict)
    }
    wanted = {
        ("bus", "bus.outputs.id", "namespace", "privatelink.servicebus.windows.net"),
        ("vault", "vault.outputs.id", "vault", "privatelink.vaultcore.azure.net"),
        ("ledger", "ledgerStorage.outputs.id", "table", "tableZone"),
    }
    wanted |= {(role, f"{role}Storage.outputs.id", "blob", "blobZone") for role in ("issuer", "courier")}
    if found != wanted:
        yield f"the private endpoints are {sorted(found)}"
    for module in ("bus", "vault", "issuerStorage", "courierStorage", "ledgerStorage"):
        if text(dig(infra.module(module).value, "params.privateNetwork")) != "privateNetwork":
            yield f"{module} is not told about privateNetwork"
    for app in infra.modules_of("modules/app.bicep"):
        if f"networkName,'{app.symbol}')" not in text(dig(app.value, "params.subnetId")):
            yield f"{app.symbol} has no subnet of its own"


def everything_is_logged(infra: Infra) -> Iterator[str]:
    """Vault, bus and tables write their audit log into the workspace."""
    logs = infra.made("Microsoft.Insights/diagnosticSettings")
    scopes = {text(log.get("scope")) for log in logs}
    for scope in ("vault", "bus", "account::tableService"):
        if scope not in scopes:
            yield f"{scope} is not logged"
    for log in logs:
        yield from wants(log, properties__workspaceId=Expression("workspaceId"))
        yield from wants(log, properties__logs=[{"categoryGroup": "audit", "enabled": True}])


def vault_lets_go(infra: Infra) -> Iterator[str]:
    """One vault, rights by role, seven days of soft delete, and no purge protection (clean means gone)."""
    vaults = infra.made(VAULT)
    if len(vaults) != 1:
        yield f"there are {len(vaults)} vaults"
    for vault in vaults:
        yield from wants(
            vault,
            properties__enableRbacAuthorization=True,
            properties__enableSoftDelete=True,
            properties__softDeleteRetentionInDays=7,
        )
        if vault.get("properties.enablePurgeProtection") is not None:
            yield "purge protection cannot be undone, and forbids to purge"
    if "enablePurgeProtection stays out on purpose" not in infra.texts["modules/vault.bicep"]:
        yield "the vault does not say why purge protection is off"
