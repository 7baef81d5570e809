import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

import { DashboardChart } from "../dashboard_chart";
import { DashboardSection } from "../dashboard_section";

/** The customer equity at each month's end, and today. */
export class Trend extends DashboardSection {
    static template = "crm_value_addon.DashboardTrend";
    static components = { ...DashboardSection.components, DashboardChart };

    get points() {
        const { format } = this.props;
        return this.section.points.map((point) => ({
            ...point,
            label: point.is_now ? String(_t("Today")) : format.month(point.date),
            name: point.is_now
                ? _t("Customers")
                : _t("Customers at the end of %(month)s", { month: format.month(point.date) }),
        }));
    }

    /** So many decimals that the labels of the axis differ: "$ 6.1M", "$ 6.2M". */
    get axisDecimals() {
        const amounts = this.section.points.map((point) => point.amount);
        const [low, high] = [Math.min(...amounts), Math.max(...amounts)];
        const spread = high > 0 ? (high - low) / high : 1;
        return spread < 0.05 ? 2 : 1;
    }

    /** What was reconstructed is a line of its own: it does not lead to what was estimated. */
    get series() {
        const values = (isReconstructed) =>
            this.section.points.map((point) => (point.is_reconstructed === isReconstructed ? point.amount : null));
        const estimated = { label: this.equityName, values: values(false) };
        const reconstructed = { label: String(_t("Reconstructed")), values: values(true), isDashed: true };
        return this.reconstructedUntil ? [estimated, reconstructed] : [estimated];
    }

    get reconstructedUntil() {
        const last = this.section.points.filter((point) => point.is_reconstructed).at(-1);
        return last && this.props.format.month(last.date);
    }

    get chart() {
        const { format } = this.props;
        const points = this.points;
        return {
            kind: "line",
            labels: points.map((point) => point.label),
            series: this.series,
            format: (amount) => format.exact(amount),
            formatAxis: (amount) => format.money(amount, this.axisDecimals),
            onSelect: (index) => this.open(points[index], points[index].name),
        };
    }
}

registry.category("crm_value_dashboard_sections").add("trend", { Component: Trend, width: 7 }, { sequence: 20 });
