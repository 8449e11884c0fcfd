"""A tenant that throttles, on virtual time: real Graph adapters, three issuers, the documented limit."""
