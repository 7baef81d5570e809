from odoo import api, models

#: figures that happened within a month, and are added up over the months of a goal
_COUNTS = ("won_count", "lost_count", "won_back_count")
#: rate → what must have been counted for it to be known
_RATES = {
    "retention": "before_count",
    "satisfaction": "rated_count",
    "rhythm_rate": "rhythm_count",
    "in_time_rate": "due_count",
}


class CrmValueScorecard(models.Model):
    """The figures of scorecards as goals of Odoo.

    How to use: definitions of goals (data/gamification_data.xml) call `_goal_figure` in their code.

    How it works: a goal has a salesperson and a time; the scorecards of their company whose month's end lies in that
    time count. No figure of these tells a margin, because whoever takes part in a challenge may see the others' goals.
    """

    _inherit = "crm.value.scorecard"

    @api.model
    def _goal_figure(self, goal, name):
        """Return a figure of the salesperson whom a goal is for: what happened is added up, of rates the last holds.

        :return: 0.0 as long as no month's end says anything

        :raise ValueError: goals have no such figure
        """
        if name not in _COUNTS and name not in _RATES:
            raise ValueError(f"Goals have no figure {name!r}")
        domain = [("user_id", "=", goal.user_id.id), ("company_id", "=", goal.user_id.company_id.id)]
        if goal.start_date:
            domain.append(("date", ">=", goal.start_date))
        if goal.end_date:
            domain.append(("date", "<=", goal.end_date))
        if name in _RATES:
            domain.append((_RATES[name], ">", 0))
        # sudo: whoever sets goals for others needs no right on their scorecards; the goal shows nothing but its figure
        cards = self.sudo().search(domain, order="date desc", limit=1 if name in _RATES else None)
        return float(sum(cards.mapped(name)))
