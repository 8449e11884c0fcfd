"""What the functions share: domain (words, rules), flows, adapters, and the composition root."""
