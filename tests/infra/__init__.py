"""Checks of what infra/ would create, without Azure and without a compiler."""
