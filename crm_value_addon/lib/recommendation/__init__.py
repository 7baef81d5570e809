"""What a customer may want next: from who bought which product. numpy and scipy only, no Odoo."""
