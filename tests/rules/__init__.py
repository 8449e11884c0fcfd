"""The rules: tables of cases and properties of pure functions."""
