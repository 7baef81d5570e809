import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

import { DashboardSection } from "../dashboard_section";

/** The customers won in each quarter, and the share that bought again in every quarter after it. */
export class Cohorts extends DashboardSection {
    static template = "crm_value_addon.DashboardCohorts";

    get rows() {
        const { format } = this.props;
        return this.section.rows.map((cohort) => ({
            ...cohort,
            title: _t("First bought in %(quarter)s", { quarter: cohort.name }),
            cells: cohort.cells.map((cell, index) => {
                const title = _t("First bought in %(quarter)s, again in the quarter +%(age)s", {
                    quarter: cohort.name,
                    age: index + 1,
                });
                return {
                    ...cell,
                    title,
                    label: `${title}: ${format.customers(cell.count)}`,
                    style: format.veil(cell.share, 1),
                };
            }),
        }));
    }

    /** As many columns as the oldest cohort has quarters behind it. */
    get ages() {
        const longest = Math.max(0, ...this.section.rows.map((cohort) => cohort.cells.length));
        return [...Array(longest).keys()].map((index) => index + 1);
    }
}

registry.category("crm_value_dashboard_sections").add("cohorts", { Component: Cohorts, width: 7 }, { sequence: 60 });
