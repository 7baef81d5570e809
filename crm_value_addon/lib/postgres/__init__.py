"""PostgreSQL's binary formats to and from numpy arrays."""
