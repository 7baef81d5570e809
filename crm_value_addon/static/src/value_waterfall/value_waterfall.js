import { deserializeDate, toLocaleDateString } from "@web/core/l10n/dates";
import { formatMonetary } from "@web/views/fields/formatters";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { useService } from "@web/core/utils/hooks";

import { Component } from "@odoo/owl";

/** Draws the explanation of a customer's value (see explain_value) as a waterfall of components with their records. */
export class ValueWaterfallField extends Component {
    static template = "crm_value_addon.ValueWaterfallField";
    static props = { ...standardFieldProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
    }

    get explanation() {
        return this.props.record.data[this.props.name];
    }

    /** The components with the place of their bars in percent; the last one is the sum. */
    get steps() {
        const { parts, clv } = this.explanation;
        let reached = 0;
        const steps = parts.map((part) => {
            const start = reached;
            reached += part.sign * part.amount;
            return { ...part, start, end: reached, change: part.sign * part.amount };
        });
        const ends = [0, clv, ...steps.map((step) => step.end)];
        const low = Math.min(...ends);
        const width = Math.max(...ends) - low || 1;
        const place = ({ start, end }) => ({
            left: (100 * (Math.min(start, end) - low)) / width,
            width: (100 * Math.abs(end - start)) / width,
        });
        return {
            parts: steps.map((step) => ({ ...step, ...place(step) })),
            total: { change: clv, ...place({ start: 0, end: clv }) },
        };
    }

    get since() {
        return toLocaleDateString(deserializeDate(this.explanation.since.as_of_date));
    }

    get changes() {
        return this.explanation.since.parts.filter((part) => part.change);
    }

    money(amount) {
        const currency = this.props.record.data.currency_id;
        return formatMonetary(amount, { currencyId: currency && currency.id });
    }

    signed(amount) {
        return amount > 0 ? `+${this.money(amount)}` : this.money(amount);
    }

    async open(key) {
        this.action.doAction(await this.orm.call("crm.value", "action_open_part", [[this.props.record.resId], key]));
    }
}

registry.category("fields").add("value_waterfall", {
    component: ValueWaterfallField,
    supportedTypes: ["json"],
    fieldDependencies: [{ name: "currency_id", type: "many2one" }],
});
