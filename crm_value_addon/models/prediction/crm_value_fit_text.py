from odoo import api, models

#: a stretch of the year that brought so much more or less than its share is a season worth a sentence
SEASON = 0.1


class CrmValueFitText(models.AbstractModel):
    """What a fit says of itself, in the words of somebody who sells.

    How to use: each method takes a fit (`crm.value.fit`) and returns a text, empty where there is nothing to say.
    """

    _name = "crm.value.fit.text"
    _description = "Prediction Model: Texts"

    @api.model
    def _verdict(self, fit):
        """Return which forecast is used, and how both did in the backtest."""
        lines = [dict(fit._fields["decision"]._description_selection(self.env)).get(fit.decision, "")]
        if fit.holdout_days:
            lines.append(
                self.env._(
                    "Tried on the last %(days)s days, from what was known before: in all, the forecast was %(model)s "
                    "and the last 12 months carried forward %(history)s. Level and order of the customers together "
                    "(deviance), the forecast was %(gain)s.",
                    days=fit.holdout_days,
                    model=self._level(fit.bias_model),
                    history=self._level(fit.bias_history),
                    gain=self._gain(fit.deviance_gain),
                )
            )
        in_use = (fit.backtest or {}).get("deviance_in_use")
        if fit.decision == "much_worse" and in_use and fit.deviance_model:
            lines.append(
                self.env._(
                    "On the same days, the model in use was %(gain)s.", gain=self._gain(1 - in_use / fit.deviance_model)
                )
            )
        if abs(fit.seasonal_bias) > SEASON:
            lines.append(
                self.env._(
                    "A yearly pattern biases the level: a year before, these days brought %(bias)s %% of what "
                    "their share of an even year is.",
                    bias=f"{100 * (1 + fit.seasonal_bias):.0f}",
                )
            )
        return "\n".join(filter(None, lines))

    @api.model
    def _level(self, bias):
        """Return by how much a total was missed; `bias` is forecast over actual, less one."""
        percent = round(100 * abs(bias))
        if not percent:
            return self.env._("right")
        if bias > 0:
            return self.env._("%(percent)s %% too high", percent=percent)
        return self.env._("%(percent)s %% too low", percent=percent)

    @api.model
    def _gain(self, gain):
        """Return by how much one forecast is better than another; `gain` is a share of the other's error."""
        percent = round(100 * abs(gain))
        if not percent:
            return self.env._("just as good")
        if gain > 0:
            return self.env._("%(percent)s %% better", percent=percent)
        return self.env._("%(percent)s %% worse", percent=percent)

    @api.model
    def _weights(self, fit):
        """Return the share of each method in the forecast."""
        names = {
            "purchase_model": self.env._("purchase model"),
            "regular": self.env._("rhythm of regular buyers"),
            "last_12_months": self.env._("last 12 months"),
            "smoothed": self.env._("recent revenue"),
            "rate": self.env._("recent purchases"),
        }
        shares = ((fit.ensemble or {}).get("stack") or {}).get("shares") or {}
        known = sorted(((share, name) for name, share in shares.items() if share >= 0.005), reverse=True)
        return ", ".join(
            self.env._("%(share)s %% %(method)s", share=round(100 * share), method=names[name]) for share, name in known
        )

    @api.model
    def _leaving(self, fit):
        """Return what came of its answers to who leaves, in the latest window."""
        said = (fit.ensemble or {}).get("said") or {}
        lines = []
        if said.get("called"):
            lines.append(
                self.env._(
                    "Of the %(count)s customers whom it would have called at risk %(days)s days ago, %(share)s %% "
                    "came back by themselves within their horizon, with %(revenue)s %% of the revenue.",
                    count=round(said["called"]),
                    days=said["days"],
                    share=round(100 * said["came_back"]),
                    revenue=round(100 * said["revenue_back"]),
                )
            )
        if said.get("calm"):
            lines.append(
                self.env._(
                    "Of the %(count)s customers whom it would have expected to stay %(days)s days ago, %(share)s "
                    "%% did not buy within their horizon.",
                    count=round(said["calm"]),
                    days=said["days"],
                    share=round(100 * said["stayed_away"]),
                )
            )
        return " ".join(lines)

    @api.model
    def _reliability(self, fit):
        """Return how far the fit can be trusted, and why."""
        reasons = {
            "enough_data": self.env._(
                "%(count)s repeat customers over %(days)s days are enough.",
                count=fit.repeat_count,
                days=fit.history_days,
            ),
            "few_repeaters": self.env._(
                "Only %(count)s customers bought more than once: treat the model as indicative.",
                count=fit.repeat_count,
            ),
            "short_history": self.env._(
                "The history of %(days)s days is short: half a year or more would be safe.", days=fit.history_days
            ),
            "no_history": self.env._("No customer has bought before today."),
            "not_converged": self.env._("The search for the parameters did not settle."),
        }
        text = reasons.get(fit.reliability_code, "")
        if fit.no_churn:
            text += " " + self.env._("No churn was detected: nobody seems to leave.")
        return text
