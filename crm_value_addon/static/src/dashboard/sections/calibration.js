import { _t } from "@web/core/l10n/translation";

import { DashboardChart } from "../dashboard_chart";
import { DashboardSection } from "../dashboard_section";

/** What the prediction expected of days that it had not seen, against what was bought in them. */
export class Calibration extends DashboardSection {
    static template = "crm_value_addon.DashboardCalibration";
    static components = { ...DashboardSection.components, DashboardChart };

    get calibration() {
        return this.props.data.outlook.calibration;
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
