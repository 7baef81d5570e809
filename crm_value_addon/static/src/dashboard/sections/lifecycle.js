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
        const { stages } = this.customers;
        const largest = Math.max(...stages.map((stage) => stage.count));
        return stages.map((stage) => ({
            ...stage, color: COLORS[stage.stage], width: this.props.format.width(stage.count, largest),
        }));
    }
}
