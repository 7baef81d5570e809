import { deserializeDate, toLocaleDateString } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { formatFloat, formatInteger, formatMonetary, formatPercentage } from "@web/views/fields/formatters";

/** From this amount on, a figure is shown as "1.2M"; its title has the exact amount. */
const COMPACT_FROM = 100_000;

/** The format of the dashboard's figures: the user's language and the currency of the companies shown. */
export class DashboardFormat {
    constructor(currencyId) {
        this.currencyId = currencyId;
    }

    money(amount, decimals = 1) {
        const isLarge = Math.abs(amount) >= COMPACT_FROM;
        return formatMonetary(amount, {
            currencyId: this.currencyId,
            humanReadable: isLarge,
            digits: [16, isLarge ? decimals : 0],
        });
    }

    exact(amount) {
        return formatMonetary(amount, { currencyId: this.currencyId });
    }

    number(count) {
        return formatInteger(count);
    }

    decimal(value) {
        return formatFloat(value, { digits: [16, 2], trailingZeros: false });
    }

    /** A share from 0 to 1 in percent, with a decimal where it is small. */
    percent(share) {
        // a trace of a loss is 0 %, not -0 %
        const shown = Math.abs(share) < 0.0005 ? 0 : share;
        return formatPercentage(shown, { digits: [16, shown && Math.abs(shown) < 0.1 ? 1 : 0] });
    }

    signed(text, amount) {
        return amount > 0 ? `+${text}` : text;
    }

    day(date) {
        return toLocaleDateString(deserializeDate(date));
    }

    month(date) {
        return deserializeDate(date).toFormat("LLL yy");
    }

    customers(count) {
        return String(count === 1 ? _t("1 customer") : _t("%(count)s customers", { count: this.number(count) }));
    }

    /** The length of a bar in percent; a small part is still visible. */
    width(part, whole) {
        return whole > 0 && part > 0 ? Math.min(Math.max((100 * part) / whole, 1), 100) : 0;
    }

    /** The shade of a cell of a heat map: dark enough to tell cells apart, light enough for the text. */
    veil(part, whole) {
        const share = whole > 0 ? Math.max(part, 0) / whole : 0;
        return share ? `background-color: rgba(var(--primary-rgb), ${(0.06 + 0.44 * share).toFixed(2)});` : "";
    }
}
