"""Key Vault's secrets: the model, and the wire that the unmodified SecretClient talks to."""
