from odoo import api, fields, models
from odoo.exceptions import ValidationError


class PosConfig(models.Model):
    """Tells a till of tiers, and gives it their pricelists."""

    _inherit = "pos.config"

    value_tier_receipt = fields.Boolean(
        string="Tier on the Receipt",
        default=True,
        help="The receipt says the customer's tier, and what is missing for the next one",
    )

    @api.constrains("pricelist_id")
    def _check_value_pricelist(self):
        reserved = self.env["crm.value.benefit"]._tier_pricelist_ids()
        for config in self:
            if config.pricelist_id.id in reserved:
                raise ValidationError(
                    self.env._(
                        "%(pricelist)s is for customers of certain tiers only: as the default pricelist of %(till)s, "
                        "everybody would get it there.",
                        pricelist=config.pricelist_id.name,
                        till=config.name,
                    )
                )

    def _get_available_pricelists(self):
        available = super()._get_available_pricelists()
        return available | self._value_tier_pricelists() if self.use_pricelist else available

    def _value_tier_pricelists(self):
        """Return the pricelists of tiers that can be used at this till."""
        # sudo: a cashier has no rights on benefits; the till shows each to the customers of its tier only
        pricelists = self.env["product.pricelist"].sudo().browse(self.env["crm.value.benefit"]._tier_pricelist_ids())
        return (
            pricelists.exists()
            .filtered(
                lambda pricelist: (
                    pricelist.active
                    and pricelist.currency_id == self.currency_id
                    and pricelist.company_id in (self.env["res.company"], self.company_id)
                )
            )
            .with_env(self.env)
        )

    @api.model
    def _load_pos_data_read(self, records, config):
        read_records = super()._load_pos_data_read(records, config)
        if read_records:
            read_records[0]["_value_till"] = self.env["crm.value.till.tier"]._describe_tiers(config)
        return read_records

    def use_coupon_code(self, code, creation_date, partner_id, pricelist_id):
        result = super().use_coupon_code(code, creation_date, partner_id, pricelist_id)
        if result["successful"]:
            refusal = self.env["crm.value.till.tier"]._check_coupon(
                self,
                self.env["loyalty.program"].browse(result["payload"]["program_id"]),
                self.env["res.partner"].browse(partner_id or ()),
            )
            if refusal:
                return {"successful": False, "payload": {"error_message": refusal}}
        return result
