import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

import { DashboardChart } from "../dashboard_chart";
import { DashboardSection } from "../dashboard_section";

/** Purchases that the prediction expected of the days held out from it, against those that were made. */
export class Forecast extends DashboardSection {
    static template = "crm_value_addon.DashboardForecast";
    static components = { ...DashboardSection.components, DashboardChart };

    get calibration() {
        return this.section.calibration;
    }

    get chart() {
        const { rows } = this.calibration;
        return {
            kind: "bar",
            labels: rows.map((row) => row.purchases),
            series: [
                { label: String(_t("Bought")), values: rows.map((row) => row.actual) },
                { label: String(_t("Expected")), values: rows.map((row) => row.expected) },
            ],
            format: (value) => this.props.format.decimal(value),
            height: 200,
            onSelect: () => this.openFit(),
        };
    }

    openFit() {
        return this.openRecord("crm.value.fit", this.calibration.id);
    }

    openFits() {
        return this.action.doAction("crm_value_addon.crm_value_fit_action");
    }
}

registry.category("crm_value_dashboard_sections").add("forecast", { Component: Forecast, width: 7 }, { sequence: 80 });
