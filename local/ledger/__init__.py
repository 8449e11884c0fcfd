"""The ledger stand-in: Azure Table Storage as a model, and over HTTPS for the unmodified SDK."""
