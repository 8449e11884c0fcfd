"""The referees by name: what each of them is."""

REFEREES = {
    "azurite": "the ledger's suites against Microsoft's table emulator",
    "bus": "azure-servicebus sync and aio, and @azure/service-bus",
    "vault": "azure-keyvault-secrets sync and aio, @azure/keyvault-secrets, the REST definition",
}
