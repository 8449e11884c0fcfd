"""Crashes of real processes: two issuers and a courier, a few hundred mixed events, faults everywhere, and SIGKILL."""
