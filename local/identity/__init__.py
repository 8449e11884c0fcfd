"""Identities: the endpoint where an app gets its tokens, and the provider where people sign in."""
