"""The flows: plain async functions over ports, one module per step, in the order of the flow."""
