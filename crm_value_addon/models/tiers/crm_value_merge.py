import numpy as np

from odoo import api, models
from odoo.tools import SQL

from ...lib.postgres.binary_copy import NO_DATE, day_number
from . import tier_rules


class CrmValue(models.Model):
    """Customers that become one: what they would be worth together, and one row of several."""

    _inherit = "crm.value"

    def _merge_into(self, company, customer):
        """Make the values of customers of a company one, with their logs, locks and messages.

        The highest of their tiers is kept: nobody loses one by being merged.

        :param customer: the commercial partner that remains; it need not have a value yet
        """
        target = self.filtered(lambda value: value.partner_id == customer) or self._highest()
        sources, highest = self - target, self._highest()
        self._keep_one_lock(target)
        if highest != target:
            # sudo: nobody but the machine writes the log.
            self.env["crm.value.tier.change"].sudo().create({
                "value_id": target.id, "from_tier_id": target.tier_id.id, "to_tier_id": highest.tier_id.id,
                "date": company._value_today(), "source": "merge", "user_id": self.env.uid,
                "reason": self.env._("Merged with %(customer)s", customer=highest.partner_id.display_name)})
        self.env.flush_all()
        self.env.cr.execute(SQL(
            """
            UPDATE crm_value value SET tier_id = highest.tier_id, tier_since = highest.tier_since,
                   tier_review_date = highest.tier_review_date, next_tier_id = highest.next_tier_id
              FROM crm_value highest WHERE value.id = %s AND highest.id = %s AND value.id != highest.id
            """, target.id, highest.id))
        if sources:
            # Odoo's own merge: every table that refers to these values, also those of later modules.
            Merge = self.env["base.partner.merge.automatic.wizard"]
            Merge._update_foreign_keys_generic("crm.value", sources, target)
            Merge._update_reference_fields_generic("crm.value", sources, target)
            sources.unlink()
        self.env.cr.execute(SQL("UPDATE crm_value SET partner_id = %s WHERE id = %s", customer.id, target.id))
        self.env.invalidate_all()

    def _highest(self):
        """Return the value with the highest tier."""
        return max(self, key=lambda value: (
            bool(value.tier_id.active), value.tier_id.sequence, value.tier_id.id, value.id)) if self else self

    def _keep_one_lock(self, target):
        """End all locks of these values but one: the target's, else the youngest."""
        locks = self.tier_lock_ids
        kept = locks.filtered(lambda lock: lock.value_id == target) or locks.sorted("id")[-1:]
        (locks - kept)._replace()

    def _preview_merge(self, company, customer):
        """Return what customers of a company would be together.

        :param customer: the commercial partner that remains
        :return: dict of the figures, by the names of the fields, and ``tier_id``, a record
        """
        # sudo: the caller shows no figure that the user may not see.
        others = self.partner_id - customer
        value = self.env["crm.value"].sudo().with_company(company).with_context(
            value_merged=(customer.id, others.ids))
        as_of = company._value_today()
        history = value._history(company, as_of, [customer.id, *others.ids])
        history.pop("unfrozen")
        history = value._take(history, history["partner_id"] == customer.id)
        if not len(history["partner_id"]):
            return {"tier_id": self.env["crm.value.tier"]}
        frame, _skipped = value._estimate_each(company, as_of, history)
        frame = value._rank(company, as_of, frame, self.env["crm.value.run"].sudo()._last_boundaries(company))
        figures = self._figures_of(company, as_of, frame)
        return figures | {"tier_id": self._decide_merged(company, as_of, customer, figures)}

    @api.model
    def _figures_of(self, company, as_of, frame):
        """Return the metrics of the only customer of a frame, as they are stored."""
        figures = {}
        for name in self._metrics():
            if name == "tenure_days":
                first = frame["first_purchase_date"][0]
                figures[name] = day_number(as_of) - int(first) if first != NO_DATE else 0
            elif self._fields[name].type == "monetary":
                figures[name] = float(np.round(frame[name][0], company.currency_id.decimal_places))
            else:
                figures[name] = frame[name][0].item()
        return figures

    def _decide_merged(self, company, as_of, customer, figures):
        """Return the tier that the rules give to these values when they are one."""
        highest, lock = self._highest(), self.tier_lock_ids
        target = self.filtered(lambda value: value.partner_id == customer) or highest
        lock = lock.filtered(lambda item: item.value_id == target) or lock.sorted("id")[-1:]
        ladder = self.env["crm.value.tier"]._ladder(company)
        source = SQL(
            """SELECT 0 AS id, %s AS partner_id, %s::int AS tier_id, %s::date AS tier_review_date,
                      %s::int AS next_tier_id, %s::int AS locked_tier_id, %s""",
            customer.id, highest.tier_id.id or None, highest.tier_review_date or None, highest.next_tier_id.id or None,
            lock.tier_id.id if lock and lock == lock.value_id.tier_lock_id else None,
            SQL(", ").join(SQL("%s AS %s", number, SQL.identifier(name)) for name, number in figures.items()))
        [row] = self.env.execute_query_dict(tier_rules.decide(ladder, source, as_of))
        return self.env["crm.value.tier"].browse(row["decided_tier_id"] or False)
