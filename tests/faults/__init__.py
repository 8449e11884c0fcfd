"""Faults to order: the language, what each service makes of it, and how they are ordered."""
