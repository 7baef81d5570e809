"""Computations and formats that need no Odoo: numpy, scipy and PostgreSQL's wire format."""
