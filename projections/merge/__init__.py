"""Orders that may be one customer's and go to one address: matching, and what is made of it."""
