"""Computations and formats that need no Odoo."""
