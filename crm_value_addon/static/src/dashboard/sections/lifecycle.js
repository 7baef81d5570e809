import { registry } from "@web/core/registry";

import { DashboardSection } from "../dashboard_section";

const COLORS = {
    lead: "bg-info",
    prospect: "bg-info",
    new: "bg-info",
    active: "bg-success",
    loyal: "bg-success",
    at_risk: "bg-warning",
    lost: "bg-danger",
    won_back: "bg-success",
};

/** The stages of a customer's life, from the first interest on. */
export class Lifecycle extends DashboardSection {
    static template = "crm_value_addon.DashboardLifecycle";

    get rows() {
        const { rows } = this.section;
        const largest = Math.max(...rows.map((stage) => stage.count));
        return rows.map((stage) => ({
            ...stage,
            color: COLORS[stage.stage],
            width: this.props.format.width(stage.count, largest),
        }));
    }
}

registry
    .category("crm_value_dashboard_sections")
    .add("lifecycle", { Component: Lifecycle, width: 5 }, { sequence: 50 });
