"""Real processes over the real protocols: what a person and an attacker would meet."""
