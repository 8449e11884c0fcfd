"""Tests of the canary search."""
