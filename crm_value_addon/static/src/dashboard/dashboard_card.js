import { Component } from "@odoo/owl";

let cards = 0;

/** A card of the dashboard: a heading, a sentence about the figures, the drawing, and the figures as a table. */
export class DashboardCard extends Component {
    static template = "crm_value_addon.DashboardCard";
    static props = {
        title: String,
        name: String,
        hint: { type: String, optional: true },
        isEmpty: { type: Boolean, optional: true }, // nothing to draw: the card is as small as its sentence
        hasTable: { type: Boolean, optional: true }, // the slot "table" holds the figures drawn in the default slot
        slots: Object,
    };

    setup() {
        this.headingId = `o_value_dashboard_card_${++cards}`;
    }
}
