import { Chatter } from "@mail/chatter/web_portal/chatter";
import { registry } from "@web/core/registry";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

import { Component, xml } from "@odoo/owl";

/** The chatter of the contact, so that a customer has one, whichever page it is looked at on. */
export class CustomerChatter extends Component {
    static template = xml`
        <div t-if="partnerId and !env.inDialog" class="o-mail-ChatterContainer o-mail-Form-chatter mt-3 w-100">
            <Chatter threadId="partnerId" threadModel="'res.partner'" has_activities="true"/>
        </div>`;
    static components = { Chatter };
    static props = { ...standardWidgetProps };

    get partnerId() {
        return this.props.record.data.partner_id?.id;
    }
}

registry.category("view_widgets").add("customer_chatter", {
    component: CustomerChatter,
    fieldDependencies: [{ name: "partner_id", type: "many2one" }],
});
