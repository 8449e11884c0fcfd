"""Deterministic simulation: both roles on the stand-ins' models, under one seeded scheduler that means no good."""
