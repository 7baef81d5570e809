import { Interaction } from "@web/public/interaction";
import { registry } from "@web/core/registry";
import { _t } from "@web/core/l10n/translation";

/** Copies a coupon's code or a link, and says so. */
export class CopyText extends Interaction {
    static selector = ".o_crm_value_copy button";
    dynamicContent = {
        _root: { "t-on-click": this.copy },
    };

    async copy() {
        // without HTTPS there is no clipboard: the text beside the button can still be marked
        await this.waitFor(navigator.clipboard?.writeText(this.el.dataset.text));
        this.services.notification.add(navigator.clipboard ? _t("Copied") : this.el.dataset.text, {
            type: navigator.clipboard ? "success" : "info",
        });
    }
}

registry.category("public.interactions").add("crm_value_addon.copy_text", CopyText);
