import numpy as np

from odoo import api, models
from odoo.tools import SQL

from ...lib.columns import take
from ...lib.postgres.binary_copy import NO_DATE, day_number
from ..refresh.basis import Basis
from . import tier_rules


class CrmValueMerge(models.AbstractModel):
    """Merges the values of customers whose contacts are merged, and tells before what they are worth together.

    How to use: `_preview` for the dialog that asks whether to merge, `_merge` before Odoo merges the contacts.

    How it works: the value of the remaining contact keeps the highest tier and one lock; Odoo's own merge hands over
    every record that refers to the other values. A preview computes the customers as one (see `Basis`).
    """

    _name = "crm.value.merge"
    _description = "Customer Value: Merge"

    @api.model
    def _merge(self, values, company, customer):
        """Make one value of those of customers of a company, with their logs, locks, gifts and messages.

        The highest of their tiers is kept, so that no customer loses a tier by a merge.

        :param customer: the commercial partner that remains; it need not have a value yet
        """
        highest = self._highest(values)
        target = self._target(values, customer)
        sources = values - target
        self._hand_over_gifts(values, target)
        self._keep_one_lock(values, target)
        self._take_tier(target, highest)
        if sources:
            # Odoo's own merge finds every table that refers to these values, those of further modules included.
            Merge = self.env["base.partner.merge.automatic.wizard"]
            Merge._update_foreign_keys_generic("crm.value", sources, target)
            Merge._update_reference_fields_generic("crm.value", sources, target)
            sources.unlink()
        self.env.cr.execute(SQL("UPDATE crm_value SET partner_id = %s WHERE id = %s", customer.id, target.id))
        self.env.invalidate_all()

    @api.model
    def _target(self, values, customer):
        """Return the value that remains: the customer's own, else the one with the highest tier."""
        return values.filtered(lambda value: value.partner_id == customer) or self._highest(values)

    @api.model
    def _highest(self, values):
        """Return the value with the highest tier."""
        return (
            max(
                values,
                key=lambda value: (bool(value.tier_id.active), value.tier_id.sequence, value.tier_id.id, value.id),
            )
            if values
            else values
        )

    @api.model
    def _take_tier(self, target, highest):
        """Give the target the tier of the value with the highest one, and log the change."""
        if highest != target:
            # sudo: nobody has rights to write the log.
            self.env["crm.value.tier.change"].sudo().create(
                {
                    "value_id": target.id,
                    "from_tier_id": target.tier_id.id,
                    "to_tier_id": highest.tier_id.id,
                    "date": target.company_id._value_today(),
                    "source": "merge",
                    "user_id": self.env.uid,
                    "reason": self.env._("Merged with %(customer)s", customer=highest.partner_id.display_name),
                }
            )
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
            UPDATE crm_value value SET tier_id = highest.tier_id, tier_since = highest.tier_since,
                   tier_review_date = highest.tier_review_date, next_tier_id = highest.next_tier_id
              FROM crm_value highest WHERE value.id = %s AND highest.id = %s AND value.id != highest.id
            """,
                target.id,
                highest.id,
            )
        )

    @api.model
    def _hand_over_gifts(self, values, target):
        """Hand over the gifts one by one, except those for an occasion of which the target had its gift already."""
        # sudo: nobody has rights to write gifts.
        gifts = self.env["crm.value.grant"].sudo().search([("value_id", "in", values.ids)], order="id")
        had = {(gift.benefit_id, gift.occasion) for gift in gifts if gift.value_id == target}
        for gift in gifts.filtered(lambda gift: gift.value_id != target):
            if (gift.benefit_id, gift.occasion) not in had:
                gift.value_id = target
                had.add((gift.benefit_id, gift.occasion))

    @api.model
    def _kept_lock(self, values, target):
        """Return the lock that stays: the target's, else the latest one."""
        locks = values.tier_lock_ids
        return locks.filtered(lambda lock: lock.value_id == target) or locks.sorted("id")[-1:]

    @api.model
    def _keep_one_lock(self, values, target):
        """End all locks of these values but one."""
        (values.tier_lock_ids - self._kept_lock(values, target))._end(decide=False)

    # before

    @api.model
    def _preview(self, values, company, customer):
        """Return what customers of a company would be together.

        :param customer: the commercial partner that remains
        :return: dict of the figures, by the names of the fields, and ``tier_id``, a record
        """
        together = [customer.id, *(values.partner_id - customer).ids]
        basis = Basis(company, company._value_today(), together, merged=(customer.id, together))
        # sudo: the caller shows only figures that the user may see.
        Refresh = self.env["crm.value.refresh"].sudo().with_company(company)
        columns, _skipped = Refresh._compute(basis)
        columns = take(columns, columns["partner_id"] == customer.id)
        if not len(columns["partner_id"]):
            return {"tier_id": self.env["crm.value.tier"]}
        columns = Refresh._place(basis, columns, Refresh.env["crm.value.run"]._last_boundaries(company))
        figures = self._figures_of(basis, columns)
        return figures | {"tier_id": self._decide_as_one(values, company, basis.as_of, customer, figures)}

    @api.model
    def _figures_of(self, basis, columns):
        """Return the metrics of the only customer of some columns, rounded as they are stored."""
        Value, figures = self.env["crm.value"], {}
        for name in Value._metrics():
            if name == "tenure_days":
                first = columns["first_purchase_date"][0]
                figures[name] = day_number(basis.as_of) - int(first) if first != NO_DATE else 0
            elif Value._fields[name].type == "monetary":
                figures[name] = float(np.round(columns[name][0], basis.money))
            else:
                figures[name] = columns[name][0].item()
        return figures

    @api.model
    def _decide_as_one(self, values, company, as_of, customer, figures):
        """Return the tier that the rules give to these values as one customer with these figures."""
        highest = self._highest(values)
        lock = self._kept_lock(values, self._target(values, customer))
        is_locked = lock and lock == lock.value_id.tier_lock_id
        rules = self.env["crm.value.tier"]._rules_of(company)
        source = SQL(
            """SELECT 0 AS id, %s AS partner_id, %s::int AS tier_id, %s::date AS tier_review_date,
                      %s::int AS next_tier_id, %s::int AS locked_tier_id, %s""",
            customer.id,
            highest.tier_id.id or None,
            highest.tier_review_date or None,
            highest.next_tier_id.id or None,
            lock.tier_id.id if is_locked else None,
            SQL(", ").join(SQL("%s AS %s", number, SQL.identifier(name)) for name, number in figures.items()),
        )
        [row] = self.env.execute_query_dict(tier_rules.decide(rules, source, as_of))
        return self.env["crm.value.tier"].browse(row["decided_tier_id"] or False)
