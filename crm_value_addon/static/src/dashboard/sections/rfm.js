import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

import { useState } from "@odoo/owl";

import { DashboardSection } from "../dashboard_section";

const SCORES = [1, 2, 3, 4, 5];

/** Recency by frequency as a heat map of customers or of their revenue. */
export class Rfm extends DashboardSection {
    static template = "crm_value_addon.DashboardRfm";

    setup() {
        super.setup();
        this.state = useState({ measure: "count" });
        this.scores = SCORES;
    }

    get measures() {
        return [
            { key: "count", name: _t("Customers") },
            { key: "revenue", name: _t("Revenue 12 m") },
        ];
    }

    /** Rows from the most recent buyers down, columns from the rarest on: the best customers are at the top end. */
    get rows() {
        const { measure } = this.state;
        const { format } = this.props;
        const { cells } = this.section;
        const largest = Math.max(...cells.map((cell) => cell[measure]));
        return [...SCORES].reverse().map((r) => ({
            r,
            cells: SCORES.map((f) => {
                const cell = cells.find((one) => one.r === r && one.f === f);
                const name = _t("Recency %(r)s, frequency %(f)s", { r, f });
                return cell
                    ? {
                          ...cell,
                          name,
                          style: format.veil(cell[measure], largest),
                          text: measure === "count" ? format.number(cell.count) : format.money(cell.revenue, 0),
                          title: `${name}: ${format.customers(cell.count)}, ${format.exact(cell.revenue)}`,
                      }
                    : { f, count: 0 };
            }),
        }));
    }
}

registry.category("crm_value_dashboard_sections").add("rfm", { Component: Rfm, width: 5 }, { sequence: 70 });
