"""What customers buy: from lines of documents to one row for each customer and category, or product. No Odoo."""
