"""Rules about keys, local authentication, transport and the vault."""

import re
from collections.abc import Iterator

from tests.infra.tree import ACCOUNT, BUS, SITE, VAULT, Infra, name_of, wants

# What would be, make or move a key. Application Insights' connection string is an address: its local
# authentication is off, and Functions knows no other way to be told it.
_KEYS = re.compile(
    r"list(?:Keys|Secrets|AccountSas|ServiceSas|HostKeys)|AuthorizationRules|AccountKey|SharedAccess(?:Key|Signature)"
    r"|@secure|clientSecret(?!SettingName)|password|primaryKey|connectionString",
    re.IGNORECASE,
)
_NO_KEY = ("insights.properties.ConnectionString", "APPLICATIONINSIGHTS_CONNECTION_STRING")
_COMMENT = re.compile(r"(?<![:'])//[^\n]*")


def no_keys(infra: Infra) -> Iterator[str]:
    """No key, secret, SAS rule or connection string is read, made or passed."""
    for path, text in infra.texts.items():
        for number, line in enumerate(text.splitlines(), 1):
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
