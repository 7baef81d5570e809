from odoo import api, models
from odoo.tools import SQL


class CrmLead(models.Model):
    _inherit = "crm.lead"

    @api.model
    def _select_of_company(self, company, only_open=False):
        """Return the SELECT of a company's leads, all columns, to be used as a table.

        A lead without a company belongs to that of its team, else of its salesperson; without either, to none.

        :param only_open: active opportunities that are neither won nor lost
        """
        is_open = SQL("lead.type = 'opportunity' AND lead.active AND lead.won_status = 'pending'")
        return SQL(
            """
            (SELECT lead.* FROM crm_lead lead
               LEFT JOIN crm_team team ON team.id = lead.team_id
               LEFT JOIN res_users salesperson ON salesperson.id = lead.user_id
              WHERE COALESCE(lead.company_id, team.company_id, salesperson.company_id) = %s AND %s)
            """, company.id, is_open if only_open else SQL("TRUE"))
