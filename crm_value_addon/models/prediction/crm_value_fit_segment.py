import numpy as np

from odoo import api, models
from odoo.tools import SQL

from ...lib.postgres import binary_copy


class CrmValueFitSegment(models.AbstractModel):
    """Whether a country, a tag, or being an organisation says more of a customer than its own purchases.

    How to use: a fit and a backtest read `_known`; a refresh reads `_codes`, and only where the fit in use tells
    customers apart; `_describe` says by what, and how that was tried.

    How it works: what a segment brought beside the forecast of its customers, pulled to that forecast by what chance
    explains, so that a segment of three customers has no life of its own. It is learned from an earlier window, tried
    on the latest, and left out where it does not clearly do better there (lib/customer_base/stack.py).
    """

    _name = "crm.value.fit.segment"
    _description = "Prediction Model: Segments"

    @api.model
    def _columns(self):
        """Return what tells segments apart: name → SQL of an id > 0, or 0 for unknown, of the contact ``partner``."""
        return {
            "country": SQL("COALESCE(partner.country_id, 0)"),
            "kind": SQL("CASE WHEN partner.is_company THEN 2 ELSE 1 END"),
            "tag": SQL(
                """COALESCE((SELECT min(category_id) FROM res_partner_res_partner_category_rel tag
                             WHERE tag.partner_id = partner.id), 0)"""
            ),
        }

    @api.model
    def _known(self, company):
        """Return what is known of each customer of a company, as the kernel takes it (`fit_ensemble`)."""
        columns = self._columns()
        found = self._read(columns, SQL("SELECT partner_id FROM crm_value WHERE company_id = %s", company.id))
        return found.pop("partner"), found

    @api.model
    def _codes(self, name, partner_ids):
        """Return the segment of each of these customers, in their order."""
        found = self._read({name: self._columns()[name]}, SQL("SELECT unnest(%s::int[])", partner_ids.tolist()))
        codes = np.zeros(len(partner_ids), np.int64)
        place = np.searchsorted(found["partner"], partner_ids)
        there = place < len(found["partner"])
        there[there] = found["partner"][place[there]] == partner_ids[there]
        codes[there] = found[name][place[there]]
        return codes

    @api.model
    def _read(self, columns, partners):
        """Return these columns of some contacts, by id.

        :param SQL partners: SELECT of their ids
        """
        self.env.flush_all()
        names = list(columns)
        return binary_copy.copy_out(
            self.env.cr,
            SQL(
                "SELECT partner.id::int4, %s FROM res_partner partner WHERE partner.id IN (%s) ORDER BY partner.id",
                SQL(", ").join(SQL("(%s)::int4", columns[name]) for name in names),
                partners,
            ),
            [("partner", "int4"), *((name, "int4") for name in names)],
        )

    @api.model
    def _describe(self, ensemble):
        """Return by what customers are told apart; empty where they are not.

        :param dict ensemble: what a fit keeps (`crm.value.fit.ensemble`)
        """
        found = (ensemble or {}).get("segments")
        if not found:
            return ""
        names = {
            "country": self.env._("country"),
            "kind": self.env._("person or organisation"),
            "tag": self.env._("tag"),
        }
        return self.env._(
            "Customers are told apart by %(name)s, which made the deviance of the latest window %(gain)s %% smaller.",
            name=names.get(found["name"], found["name"]),
            gain=round(100 * (1 - found["deviance"]), 1),
        )
