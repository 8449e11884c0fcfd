"""`python -m local up`, from outside."""
