import { _t } from "@web/core/l10n/translation";

import { DashboardSection } from "../dashboard_section";

/** Who moved from which tier to which in the period. */
export class Moves extends DashboardSection {
    static template = "crm_value_addon.DashboardMoves";

    get moves() {
        return this.props.data.moves;
    }

    get names() {
        return { up: _t("Moves up"), down: _t("Moves down") };
    }

    /** The tiers that anybody moved from or to, the highest first, and the moves between each two. */
    get matrix() {
        const { cells } = this.moves;
        const moved = new Map(cells.flatMap((cell) => [[cell.from, cell.from_name], [cell.to, cell.to_name]]));
        const order = this.customers.tiers.map((tier) => tier.id);
        const place = (id) => (id === false ? Infinity : order.indexOf(id));
        const tiers = [...moved].map(([id, name]) => ({ id, name })).sort((one, other) => place(one.id) - place(other.id));
        return {
            tiers,
            rows: tiers.map((before) => ({
                ...before,
                cells: tiers.map((after) => {
                    const move = cells.find((cell) => cell.from === before.id && cell.to === after.id);
                    const name = _t("From %(before)s to %(after)s", { before: before.name, after: after.name });
                    return { id: after.id, isSame: before.id === after.id, move, name };
                }),
            })),
        };
    }
}
