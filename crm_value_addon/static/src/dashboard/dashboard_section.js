import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";

import { Component } from "@odoo/owl";

import { DashboardCard } from "./dashboard_card";
import { DashboardFormat } from "./dashboard_format";

/** The views of a list behind a figure; on a phone, Odoo takes the cards where there are any. */
const VIEWS = {
    "crm.value": ["list", "kanban", "graph", "pivot", "form"],
    "crm.value.snapshot": ["list", "pivot", "graph"],
    "crm.value.tier.change": ["list", "pivot", "graph", "form"],
    "crm.value.followup": ["list", "kanban", "form", "pivot"],
};

/** A part of the dashboard: what the server says (see crm.value.dashboard), and the way to the records behind it. */
export class DashboardSection extends Component {
    static components = { DashboardCard };
    static props = { data: Object, format: DashboardFormat };

    setup() {
        this.action = useService("action");
    }

    /** Open exactly the records that a figure counts. */
    open({ domain, model = "crm.value" }, name) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            name: String(name),
            res_model: model,
            domain,
            views: VIEWS[model].map((view) => [false, view]),
            mobile_view_mode: VIEWS[model].includes("kanban") ? "kanban" : "list",
            context: { create: false },
        });
    }

    openRecord(model, id) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: model,
            res_id: id,
            views: [[false, "form"]],
        });
    }

    get customers() {
        return this.props.data.customers;
    }

    /** By what customers are compared: what they are worth, or revenue for who may not see that. */
    get worthName() {
        return String(this.props.data.sees_worth ? _t("lifetime value") : _t("revenue of the last 12 months"));
    }

    get equityName() {
        return String(this.props.data.sees_worth ? _t("Customer equity") : _t("Revenue, last 12 months"));
    }

    get periodName() {
        return String(
            { month: _t("This month"), quarter: _t("Last 3 months"), year: _t("Last 12 months") }[this.props.data.period]
        );
    }
}
