"""The referees by name: what each of them is."""

REFEREES = {
    "azurite": "the ledger's suites against Microsoft's table emulator",
    "bus": "azure-servicebus sync and aio, and @azure/service-bus",
    "directory": "msgraph-sdk, its typed models and its raw path",
    "host": "Microsoft's worker library, and the converters of azure-functions",
    "identity": "azure-identity, which asks the endpoint for tokens",
    "vault": "azure-keyvault-secrets sync and aio, @azure/keyvault-secrets, the REST definition",
}
