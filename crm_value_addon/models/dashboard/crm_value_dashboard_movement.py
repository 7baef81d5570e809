from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

#: month ends that the trend goes back
MONTHS = 12


class CrmValueDashboardMovement(models.AbstractModel):
    """What changed: month ends of the customers' worth, and moves between tiers."""

    _inherit = "crm.value.dashboard"

    @api.model
    def _section_trend(self, scope, payload):
        """Return the month ends and today: customer equity, or revenue for who may not see that."""
        points = self._month_ends(scope)
        known = payload["customers"]["known"]
        points.append({
            "date": scope.today.isoformat(), "is_now": True, "count": known["count"], "domain": known["domain"],
            "amount": payload["customers"]["equity"] if scope.sees_worth else known["revenue"]})
        before = [point for point in points if not point["is_now"] and point["date"] < scope.start.isoformat()]
        since = before[-1] if before else points[0]
        change = False if since["is_now"] else {
            "since": since["date"], "amount": round(points[-1]["amount"] - since["amount"], 6),
            "share": points[-1]["amount"] / since["amount"] - 1 if since["amount"] > 0 else False}
        return {"points": points, "change": change}

    @api.model
    def _month_ends(self, scope):
        Snapshot = self.env["crm.value.snapshot"]
        query = Snapshot._search([
            ("company_id", "in", scope.companies.ids), ("as_of_date", "<", scope.today),
            ("as_of_date", ">=", scope.today.replace(day=1) - relativedelta(months=MONTHS))])
        query.groupby = SQL("crm_value_snapshot.company_id, crm_value_snapshot.as_of_date")
        query.order = query.groupby
        Snapshot.flush_model()
        column = SQL.identifier("crm_value_snapshot", "equity" if scope.sees_worth else "revenue_12m")
        taken = {}
        for company_id, day, count, amount in self.env.execute_query(query.select(
                query.groupby, SQL("count(*)"), SQL("COALESCE(sum(%s), 0)", column))):
            taken.setdefault(Snapshot._month_end(day), {})[company_id] = (day, count, float(amount))
        points, latest = [], {}
        for month in sorted(taken):
            # A company whose refresh came late that month stands at its month end before: a sum without it would dip.
            latest |= taken[month]
            domain = Domain.OR(
                Domain("company_id", "=", company_id) & Domain("as_of_date", "=", day)
                for company_id, (day, _count, _amount) in latest.items())
            points.append({
                "date": month.isoformat(), "is_now": False, **self._figure(
                    domain, sum(count for _day, count, _amount in latest.values()), "crm.value.snapshot",
                    amount=sum(amount for _day, _count, amount in latest.values()))})
        return points

    @api.model
    def _section_moves(self, scope, payload):
        """Return the moves between tiers in the period, without first assignments."""
        domain = Domain("value_id.company_id", "in", scope.companies.ids) & Domain(
            "date", ">=", scope.start) & Domain("source", "!=", "initial")
        cells, order = [], {tier["id"]: place for place, tier in enumerate(reversed(payload["customers"]["tiers"]), 1)}
        order[False] = 0
        for before, after, count in self.env["crm.value.tier.change"]._read_group(
                domain, ["from_tier_id", "to_tier_id"], ["__count"]):
            cells.append({
                "from": before.id, "to": after.id, "from_name": before.name or self.env._("No tier"),
                "to_name": after.name or self.env._("No tier"),
                "is_up": order.get(after.id, 0) > order.get(before.id, 0),
                **self._figure(
                    domain & Domain("from_tier_id", "=", before.id) & Domain("to_tier_id", "=", after.id), count,
                    "crm.value.tier.change")})
        return {"cells": cells, **{
            name: self._moved(domain, [cell for cell in cells if cell["is_up"] == is_up])
            for name, is_up in (("up", True), ("down", False))}}

    @api.model
    def _moved(self, domain, cells):
        moves = Domain.OR(
            Domain("from_tier_id", "=", cell["from"]) & Domain("to_tier_id", "=", cell["to"]) for cell in cells)
        return self._figure(domain & moves, sum(cell["count"] for cell in cells), "crm.value.tier.change")
