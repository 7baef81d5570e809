from odoo import api, models
from odoo.fields import Domain


class CrmValueDashboardTrend(models.AbstractModel):
    """Customer equity at the month ends of a year and today; revenue for users who may not see the equity.

    A point says whether its equity was reconstructed (`crm.value.reconstruction`). Today is not compared with such a
    one: the difference would be one of methods. Revenue is what documents say, at whatever time it was added up.
    """

    _name = "crm.value.dashboard.trend"
    _description = "Customer Value Dashboard: Trend"
    _inherit = "crm.value.dashboard.section"
    _section_sequence = 70

    @api.model
    def _read(self, scope, payload):
        points = self._month_ends(scope)
        known = payload["customers"]["known"]
        points.append(
            {
                "date": scope.today.isoformat(),
                "is_now": True,
                "is_reconstructed": False,
                "count": known["count"],
                "domain": known["domain"],
                "columns": {"amount": "equity" if scope.sees_worth else "revenue_12m"},
                "amount": payload["customers"]["equity"] if scope.sees_worth else known["revenue"],
            }
        )
        like_today = [point for point in points if not point["is_reconstructed"]]
        before = [point for point in like_today if not point["is_now"] and point["date"] < scope.start.isoformat()]
        since = before[-1] if before else like_today[0]
        change = (
            False
            if since["is_now"]
            else {
                "since": since["date"],
                "amount": round(points[-1]["amount"] - since["amount"], 6),
                "share": points[-1]["amount"] / since["amount"] - 1 if since["amount"] > 0 else False,
            }
        )
        return {"points": points, "change": change}

    @api.model
    def _month_ends(self, scope):
        taken = {}
        for end in scope.sums.month_ends:
            amount = end.equity if scope.sees_worth else end.revenue
            found = taken.setdefault(self.env["crm.value.snapshot"]._month_end(end.day), {})
            # The month before the first refresh has two: what was estimated later, and what the documents say of its
            # end. Revenue is what documents say.
            if scope.sees_worth or end.company_id not in found:
                is_reconstructed = end.is_reconstructed and scope.sees_worth
                found[end.company_id] = (end.day, end.count, float(amount), is_reconstructed)
        points, latest = [], {}
        for month in sorted(taken):
            # A company whose refresh came late counts with its month end before; without it the sum would dip.
            latest |= taken[month]
            domain = scope.filter("value_id.") & Domain.OR(
                Domain("company_id", "=", company_id) & Domain("as_of_date", "=", day)
                for company_id, (day, *_figures) in latest.items()
            )
            points.append(
                {
                    "date": month.isoformat(),
                    "is_now": False,
                    "is_reconstructed": any(is_reconstructed for *_figures, is_reconstructed in latest.values()),
                    **self._figure(
                        domain,
                        sum(count for _day, count, *_figures in latest.values()),
                        "crm.value.snapshot",
                        columns={"amount": "equity" if scope.sees_worth else "revenue_12m"},
                        amount=sum(amount for _day, _count, amount, _is_reconstructed in latest.values()),
                    ),
                }
            )
        return points
