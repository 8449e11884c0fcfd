"""Tests of the ledger stand-in."""
