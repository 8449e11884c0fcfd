"""All rules that infra/ keeps. Each yields a sentence for everything that breaks it."""

from collections.abc import Callable, Iterator

from tests.infra import entities, hardening, rights, wiring
from tests.infra.tree import Infra

type Check = Callable[[Infra], Iterator[str]]

CHECKS: tuple[Check, ...] = (
    hardening.no_keys,
    hardening.no_local_authentication,
    hardening.transport_is_tls_1_2,
    entities.entities_are_the_contracts,
    entities.entities_are_the_desks,
    wiring.three_accounts,
    hardening.vault_lets_go,
    rights.rights_are_the_desks,
    rights.rights_are_small,
    rights.directory_roles_are_the_desks,
    wiring.the_page_is_behind_sign_in,
    wiring.two_apps,
    wiring.settings_are_the_codes,
    wiring.modules_get_what_they_take,
)
