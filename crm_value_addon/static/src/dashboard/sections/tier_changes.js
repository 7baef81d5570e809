import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

import { DashboardSection } from "../dashboard_section";

/** The tier changes of the period, as a table of the tiers before and after. */
export class TierChanges extends DashboardSection {
    static template = "crm_value_addon.DashboardTierChanges";

    get names() {
        return { up: _t("Upgrades"), down: _t("Downgrades"), entered: _t("Into a first tier") };
    }

    /** The tiers that customers left or reached, the highest first, and the changes between each two. */
    get matrix() {
        const { cells } = this.section;
        const changed = new Map(
            cells.flatMap((cell) => [
                [cell.from, cell.from_name],
                [cell.to, cell.to_name],
            ])
        );
        const order = this.props.data.tiers.rows.map((tier) => tier.id);
        const place = (id) => (id === false ? Infinity : order.indexOf(id));
        const tiers = [...changed]
            .map(([id, name]) => ({ id, name }))
            .sort((one, other) => place(one.id) - place(other.id));
        return {
            tiers,
            rows: tiers.map((before) => ({
                ...before,
                cells: tiers.map((after) => {
                    const change = cells.find((cell) => cell.from === before.id && cell.to === after.id);
                    const name = _t("From %(before)s to %(after)s", { before: before.name, after: after.name });
                    return { id: after.id, isSame: before.id === after.id, change, name };
                }),
            })),
        };
    }
}

registry
    .category("crm_value_dashboard_sections")
    .add("tier_changes", { Component: TierChanges, width: 5 }, { sequence: 90 });
