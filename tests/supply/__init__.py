"""What the product is made of, and what must not be in it: licences, secrets, the bill of materials."""
