import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

import { DashboardSection } from "../dashboard_section";

/** The four figures at the top: equity, active customers, revenue at risk and expected revenue. */
export class Customers extends DashboardSection {
    static template = "crm_value_addon.DashboardCustomers";

    get names() {
        return {
            known: this.equityName,
            active: _t("Active customers"),
            bought: _t("Customers who have bought"),
            boughtInPeriod: _t("Bought: %(period)s", { period: this.periodName }),
            wonInPeriod: _t("First purchase: %(period)s", { period: this.periodName }),
            wonBefore: _t("First purchase in the period before"),
            lostInPeriod: _t("Lost: %(period)s", { period: this.periodName }),
            lostBefore: _t("Lost in the period before"),
            atRisk: _t("Customers at risk"),
            revenueAtRisk: _t("Revenue at risk"),
            expected: _t("Customers expected to buy"),
        };
    }

    get equity() {
        return this.props.data.sees_worth ? this.section.equity : this.section.known.revenue;
    }

    get change() {
        const { change } = this.props.data.trend;
        if (!change) {
            return null;
        }
        const { format } = this.props;
        const amount = format.signed(format.money(change.amount), change.amount);
        const share = change.share === false ? "" : ` (${format.signed(format.percent(change.share), change.share)})`;
        return {
            text: _t("%(change)s since %(date)s", { change: `${amount}${share}`, date: format.day(change.since) }),
            color: { "-1": "text-danger", 0: "text-muted", 1: "text-success" }[Math.sign(change.amount)],
            icon: { "-1": "fa-arrow-down", 0: "fa-arrows-h", 1: "fa-arrow-up" }[Math.sign(change.amount)],
        };
    }

    get atRiskText() {
        const { format } = this.props;
        const { revenue_at_risk: atRisk, known } = this.section;
        return known.revenue > 0
            ? _t("revenue of 12 months times churn probability, %(share)s of all", {
                  share: format.percent(atRisk.revenue / known.revenue),
              })
            : _t("revenue of 12 months times churn probability");
    }

    get intervalText() {
        const { format } = this.props;
        const { interval } = this.props.data.forecast.expected;
        return interval
            ? _t("between %(low)s and %(high)s with a probability of 80 percent", {
                  low: format.money(interval[0]),
                  high: format.money(interval[1]),
              })
            : _t("without an interval: it was not tried on the past yet");
    }
}

registry
    .category("crm_value_dashboard_sections")
    .add("customers", { Component: Customers, width: 12 }, { sequence: 10 });
