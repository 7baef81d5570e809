from odoo import api, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ..const import MANAGER_GROUP

#: what people noted about a person on the contact
_NOTED = ("contact_style", "relationship_stage", "relationship_strategy", "referred_by_id", "birthdate_date")


class ResPartner(models.Model):
    """The two wishes of a data subject: what do you hold about me, and forget what you concluded (docs/privacy.md)."""

    _inherit = "res.partner"

    @api.ondelete(at_uninstall=False)
    def _unlink_messages_of_values(self):
        """The values go with the contact, by PostgreSQL's own means; their messages would stay."""
        # sudo: who may delete a contact deletes what is said about it, in every company.
        values = self.env["crm.value"].sudo().search([("partner_id", "in", self.ids)])
        self.env["mail.message"].sudo().search([("model", "=", values._name), ("res_id", "in", values.ids)]).unlink()

    def action_erase_profile(self):
        """Erase all that was concluded or noted about these customers, in all companies; the books stay.

        They are not evaluated again until somebody unticks *Opt Out of Scoring*.

        :return: action that tells the user
        :raise AccessError: the user is no sales manager, or may not change these contacts
        """
        self._check_privacy_manager("write")
        # sudo: the contact is one for all companies, and so is the wish; most of this is written by the machine only.
        customers = self.commercial_partner_id.sudo().with_context(active_test=False, tracking_disable=True)
        persons = customers.search([("id", "child_of", customers.ids)])
        customers.value_opt_out = True
        persons.write(dict.fromkeys(_NOTED, False))
        customers.value_ids._erase_profile()
        self.env["crm.value.feedback"].sudo().search([("partner_id", "in", persons.ids)]).unlink()
        self.env["sale.order"].sudo().search([
            ("partner_id", "in", persons.ids), ("value_pause_reason", "!=", False)]).value_pause_reason = False
        self.env.cr.execute(SQL(
            "DELETE FROM crm_value_run_skipped WHERE partner_key = ANY(%s)", customers.ids))
        self.env["crm.value.run.skipped"].invalidate_model()
        return self.env["crm.value"]._notification(self.env._(
            "The profiles of %(count)s customers were erased.", count=len(customers)))

    def action_export_value_data(self):
        """Download all that the addon holds about this customer, in the companies that the user may see, as JSON.

        :raise AccessError: the user is no sales manager, or may not read this contact
        """
        self.ensure_one()
        self._check_privacy_manager("read")
        return {"type": "ir.actions.act_url", "url": f"/crm_value_addon/subject/{self.id}", "target": "download"}

    def _check_privacy_manager(self, operation):
        if not self.env.su and not self.env.user.has_group(MANAGER_GROUP):
            raise AccessError(self.env._("Only sales managers answer to data subjects."))
        self.check_access(operation)


class CrmValue(models.Model):
    _inherit = "crm.value"

    def _erase_profile(self):
        """Erase logs, notes, follow-ups and conclusions about these customers; nobody but the machine calls it.

        Gifts are remembered, without what they were for: nobody gets one twice.
        """
        followups = self.env["crm.value.followup"].search([("value_id", "in", self.ids)])
        followups.with_context(active_test=False).activity_ids.unlink()
        followups.unlink()
        for model in ("crm.value.tier.change", "crm.value.tier.lock", "crm.value.caution.override"):
            self.env[model].with_context(active_test=False).search([("value_id", "in", self.ids)]).unlink()
        self.env["mail.message"].search([("model", "=", self._name), ("res_id", "in", self.ids)]).unlink()
        self.env.flush_all()
        self._erase_columns()
        for company, values in self.grouped("company_id").items():
            self.env["crm.value"]._refresh_or_enqueue(values.partner_id, company)

    def _erase_columns(self):
        """Empty what the logs and snapshots concluded; the sums of money that were turned over stay."""
        snapshot = self.env["crm.value.snapshot"]
        kept = {"id", "value_id", "company_id", "as_of_date", "revenue_12m", "realised_value"}
        names = [
            name for name, field in snapshot._fields.items() if field.store and field.column_type and name not in kept]
        self.env.cr.execute(SQL(
            "UPDATE crm_value_snapshot SET %s WHERE value_id = ANY(%s)",
            SQL(", ").join(SQL("%s = NULL", SQL.identifier(name)) for name in names), self.ids))
        self.env.cr.execute(SQL(
            "UPDATE crm_value_grant SET occasion = 'erased-' || id, tier_id = NULL WHERE value_id = ANY(%s)", self.ids))
        self.env.cr.execute(SQL(
            "UPDATE crm_value SET lifecycle_since = NULL, tier_since = NULL WHERE id = ANY(%s)", self.ids))
        self.env.invalidate_all()
