import { _t } from "@web/core/l10n/translation";

import { DashboardSection } from "../dashboard_section";

/** Of the customers won in a quarter: who bought again in each quarter after it. */
export class Cohorts extends DashboardSection {
    static template = "crm_value_addon.DashboardCohorts";

    get rows() {
        const { format, data } = this.props;
        return data.outlook.cohorts.map((cohort) => ({
            ...cohort,
            title: _t("First bought in %(quarter)s", { quarter: cohort.name }),
            cells: cohort.cells.map((cell, index) => {
                const title = _t("First bought in %(quarter)s, again in the quarter +%(age)s", {
                    quarter: cohort.name, age: index + 1,
                });
                return {
                    ...cell, title, label: `${title}: ${format.customers(cell.count)}`, style: format.veil(cell.share, 1),
                };
            }),
        }));
    }

    /** As many columns as the oldest cohort has quarters behind it. */
    get ages() {
        const longest = Math.max(0, ...this.props.data.outlook.cohorts.map((cohort) => cohort.cells.length));
        return [...Array(longest).keys()].map((index) => index + 1);
    }
}
