"""Thousands of operations by a stranger, on a desk with faults: nothing acknowledged is lost, nothing piles up."""
