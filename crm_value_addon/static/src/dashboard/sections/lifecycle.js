import { _t } from "@web/core/l10n/translation";
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

/** The stages of a customer's life, from the first interest on; below them who was won back. */
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

    /** Follow-ups of lost customers, where there were any. */
    get winBack() {
        const { win_back: winBack } = this.section;
        return winBack.tried.count ? winBack : null;
    }

    get winBackNames() {
        return {
            tried: String(_t("Follow-ups of lost customers, last 12 months")),
            back: String(_t("Lost customers who are customers again")),
        };
    }
}

registry
    .category("crm_value_dashboard_sections")
    .add("lifecycle", { Component: Lifecycle, width: 5 }, { sequence: 50 });
