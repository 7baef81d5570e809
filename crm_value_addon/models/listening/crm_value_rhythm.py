from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL


@api.depends("last_contact_date", "tier_id.relationship_strategy", "partner_id.relationship_strategy")
def compute_rhythm(values):
    """Compute *Rhythm* of customer values."""
    rhythm_of = values.env["crm.value.rhythm"]._rhythms(values)
    for value in values:
        value.contact_rhythm = rhythm_of.get(value.id, False)


def search_rhythm(values, operator, rhythms):
    """Search *Rhythm* of customer values."""
    return values.env["crm.value.rhythm"]._search_rhythms(operator, rhythms)


class CrmValueRhythm(models.AbstractModel):
    """How often customers are to be contacted, and whether they are.

    How to use: `_cadence_to_sql` for the days between contacts, `_rhythms` and `_search_rhythms` for the field
    *Rhythm*, `_is_kept_to_sql` for reports.

    How it works: the strategy of the contact, else that of its tier, names a cadence of the company. The contacts are
    those that refreshes noted (`crm.value.contact.source`); without a strategy nobody promised a rhythm.
    """

    _name = "crm.value.rhythm"
    _description = "Customer Value: Rhythm of Contacts"

    @api.model
    def _cadence_to_sql(self, company, default):
        """Return the SQL of the days between contacts, on the aliases ``customer`` (contact) and ``tier``.

        :param SQL default: the days without a strategy
        """
        return SQL(
            """CASE COALESCE(customer.relationship_strategy, tier.relationship_strategy)
               WHEN 'clasp' THEN %s WHEN 'velcro' THEN %s WHEN 'zipper' THEN %s ELSE %s END""",
            company.value_cadence_clasp,
            company.value_cadence_velcro,
            company.value_cadence_zipper,
            default,
        )

    @api.model
    def _is_kept_to_sql(self, company, day):
        """Return the SQL of whether the rhythm is kept, NULL without one, on ``value``, ``customer`` and ``tier``."""
        if not company.value_track_contacts:
            return SQL("NULL::bool")
        cadence = self._cadence_to_sql(company, SQL("NULL"))
        return SQL(
            """CASE WHEN %(cadence)s IS NOT NULL
                    THEN COALESCE(value.last_contact_date >= %(today)s::date - (%(cadence)s), FALSE) END""",
            cadence=cadence,
            today=day or company._value_today(),
        )

    @api.model
    def _select(self, company, where, day=None):
        """Return the SELECT of (id, whether its rhythm is kept) of the values of a company, today or on a day."""
        return SQL(
            """SELECT value.id, %s AS is_kept FROM crm_value value
                 JOIN res_partner customer ON customer.id = value.partner_id
                 LEFT JOIN crm_value_tier tier ON tier.id = value.tier_id
                WHERE value.company_id = %s AND customer.value_opt_out IS NOT TRUE AND %s""",
            self._is_kept_to_sql(company, day),
            company.id,
            where,
        )

    @api.model
    def _rhythms(self, values):
        """Return what to show of these values: dict id → kept or late, without those who have no rhythm."""
        found = {}
        values.flush_model(["last_contact_date", "tier_id"])
        for company, of_company in values.grouped("company_id").items():
            if not company.value_track_contacts:
                continue
            rows = self.env.execute_query(self._select(company, SQL("value.id = ANY(%s)", of_company.ids)))
            found |= {value_id: "kept" if is_kept else "late" for value_id, is_kept in rows if is_kept is not None}
        return found

    @api.model
    def _search_rhythms(self, operator, rhythms):
        if operator != "in":
            return NotImplemented
        is_kept = {"kept": True, "late": False}
        wanted = [SQL("rhythm.is_kept IS NOT DISTINCT FROM %s", is_kept.get(one)) for one in rhythms]
        queries = [
            SQL(
                "SELECT rhythm.id FROM (%s) rhythm WHERE %s",
                self._select(company, SQL("TRUE")),
                SQL(" OR ").join(wanted or [SQL("FALSE")]),
            )
            for company in self.env.companies
        ]
        return Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "%s IN (%s)", SQL.identifier(alias, "id"), SQL(" UNION ALL ").join(queries)
            )
        )
