from odoo import api, models
from odoo.modules import module


class CrmValueSchema(models.Model):
    """Installing and updating stop nobody's work for longer than a change of a table takes.

    A column or foreign key on a table of Odoo's locks that table until the transaction ends. Odoo ends it when all data
    of the module are loaded, which takes much longer than all changes of the tables. Should the rest fail, Odoo resets
    the module's state, and the next attempt finds the columns there.
    """

    _inherit = "crm.value"

    @api.model
    def _commit_schema(self):
        """Commit the changes of the tables: called after each large one, and by the first of the data."""
        if not module.current_test:
            self.env.cr.commit()  # pylint: disable=invalid-commit


class ResPartner(models.Model):
    _inherit = "res.partner"

    def init(self):
        super().init()
        self.env["crm.value"]._commit_schema()


class CrmLead(models.Model):
    _inherit = "crm.lead"

    def init(self):
        super().init()
        self.env["crm.value"]._commit_schema()


class ProductTemplate(models.Model):
    _inherit = "product.template"

    def init(self):
        super().init()
        self.env["crm.value"]._commit_schema()


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def init(self):
        super().init()
        self.env["crm.value"]._commit_schema()


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def init(self):
        super().init()
        self.env["crm.value"]._commit_schema()
