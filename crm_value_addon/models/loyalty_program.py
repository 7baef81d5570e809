from odoo import models


class LoyaltyProgram(models.Model):
    _inherit = "loyalty.program"

    def _point_worth(self):
        """Return what a point is worth in money, by the most generous reward that gives an amount; 0 without one."""
        self.ensure_one()
        worths = [0.0]
        for reward in self.reward_ids:
            points = reward.required_points or 1.0
            if reward.reward_type == "product":
                product = reward.reward_product_ids[:1]
                price = product.currency_id._convert(product.lst_price, self.currency_id, round=False)
                worths.append(price * reward.reward_product_qty / points)
            elif reward.reward_type == "discount" and reward.discount_mode == "per_point":
                worths.append(reward.discount)
            elif reward.reward_type == "discount" and reward.discount_mode == "per_order":
                worths.append(reward.discount / points)
        return max(worths)
