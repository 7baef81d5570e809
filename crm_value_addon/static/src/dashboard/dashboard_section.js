import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { escape } from "@web/core/utils/strings";

import { Component } from "@odoo/owl";

import { DashboardCard } from "./dashboard_card";
import { DashboardFormat } from "./dashboard_format";

/** The views of the list behind a figure, where they are more than list and form; a phone shows the kanban first. */
const VIEWS = {
    "crm.value": ["list", "kanban", "graph", "pivot", "form"],
    "crm.value.snapshot": ["list", "pivot", "graph"],
    "crm.value.tier.change": ["list", "pivot", "graph", "form"],
    "crm.value.followup": ["list", "kanban", "form", "pivot"],
    "crm.value.product": ["list", "kanban", "pivot"],
};

/** The lists that have a column, with its sum, for every amount that the dashboard shows of these records. */
const LISTS = {
    "crm.value": "crm_value_addon.crm_value_view_list_dashboard",
    "crm.value.snapshot": "crm_value_addon.crm_value_snapshot_view_list_dashboard",
    "crm.value.product": "crm_value_addon.crm_value_product_view_list",
};

/**
 * A section of the dashboard: its figures, and the way to the records behind them.
 *
 * How to use: extend it and add it to the registry "crm_value_dashboard_sections" as `{ Component, width }`, under the
 * name of the section on the server (the model crm.value.dashboard.<name> returns its figures). The width is in twelfths
 * of a wide screen, the sequence of the entry is its place on the page.
 */
export class DashboardSection extends Component {
    static components = { DashboardCard };
    static props = { name: String, data: Object, format: DashboardFormat };

    setup() {
        this.action = useService("action");
    }

    /** The figures of this section; those of the others are in `props.data`, by name. */
    get section() {
        return this.props.data[this.props.name];
    }

    /** What an empty list says. */
    get emptyText() {
        return {
            "crm.value.followup": [
                _t("No follow-up is due"),
                _t("Follow-up rules make them: CRM › Configuration › Customer Value › Follow-up Rules."),
            ],
            "crm.value.tier.change": [_t("No customer changed tier"), _t("Choose a longer period on the dashboard.")],
            "crm.value.product": [
                _t("Nothing is at stake"),
                _t("No customer stopped buying anything, or buys less of it than a year ago."),
            ],
        };
    }

    help(model) {
        const [title, text] = this.emptyText[model] || [
            _t("No customer is counted here"),
            _t("The figure on the dashboard is 0 today; take the filter off to see other customers."),
        ];
        return `<p class="o_view_nocontent_smiling_face">${escape(title)}</p><p>${escape(text)}</p>`;
    }

    /** Open exactly the records that a figure counts. */
    open({ domain, model = "crm.value" }, name) {
        const views = VIEWS[model] || ["list", "form"];
        return this.action.doAction({
            type: "ir.actions.act_window",
            name: String(name),
            res_model: model,
            domain,
            help: this.help(model),
            views: views.map((view) => [false, view]),
            mobile_view_mode: views.includes("kanban") ? "kanban" : "list",
            context: { create: false, ...(LISTS[model] && { list_view_ref: LISTS[model] }) },
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

    /** The measure by which customers are compared: lifetime value, or revenue for users who may not see it. */
    get worthName() {
        return String(this.props.data.sees_worth ? _t("lifetime value") : _t("revenue of the last 12 months"));
    }

    get equityName() {
        return String(this.props.data.sees_worth ? _t("Customer equity") : _t("Revenue, last 12 months"));
    }

    get periodName() {
        return String(
            { month: _t("This month"), quarter: _t("Last 3 months"), year: _t("Last 12 months") }[
                this.props.data.period
            ]
        );
    }
}
