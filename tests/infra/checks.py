"""All rules that infra/ and what deploys it keep. Each yields a sentence for everything that breaks it."""

from collections.abc import Callable, Iterator

from tests.infra import directory, entities, grammar, hardening, host, pipeline, rights, versions, wiring
from tests.infra.tree import Infra

type Check = Callable[[Infra], Iterator[str]]

CHECKS: tuple[Check, ...] = (
    grammar.bicep_is_well_formed,
    hardening.no_keys,
    hardening.no_local_authentication,
    hardening.transport_is_tls_1_2,
    hardening.private_is_private,
    hardening.everything_is_logged,
    hardening.vault_lets_go,
    versions.api_versions_are_pinned,
    versions.extension_is_pinned,
    entities.entities_are_the_contracts,
    entities.entities_are_the_desks,
    entities.queues_are_what_triggers_expect,
    wiring.three_accounts,
    rights.the_table_is_the_desks,
    rights.the_table_is_whole,
    rights.the_table_is_granted_as_it_is_written,
    rights.scopes_are_what_the_rows_name,
    rights.vault_roles_are_the_tables,
    directory.directory_roles_are_the_desks,
    directory.directory_roles_are_granted_by_name,
    directory.mail_is_one_mailbox,
    directory.permissions_page_is_the_table,
    wiring.the_page_is_behind_sign_in,
    wiring.two_apps,
    wiring.connections_are_identities,
    wiring.settings_are_the_codes,
    wiring.modules_get_what_they_take,
    host.host_json_is_of_the_documented_schema,
    host.host_json_says_what_the_design_says,
    host.logs_of_the_sdks_stay_quiet,
    pipeline.azd_deploys_both_apps,
    pipeline.hooks_read_what_is_set,
    pipeline.workflows_run_when_they_should,
    pipeline.actions_are_pinned,
    pipeline.workflows_have_the_least_rights,
    pipeline.workflows_hold_no_secrets,
    pipeline.workflows_know_every_parameter,
)
