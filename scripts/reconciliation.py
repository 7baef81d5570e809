"""The file, the stored customer values and Odoo's invoice analysis, compared per customer."""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

_SHOWN = 20


def reconcile(loader, name, rows):
    """Compare, per customer, the file with the stored values and with Odoo's invoice analysis.

    :return: table as list of (source, customers, documents, revenue), list of (customer, revenue by each source)
    """
    env, company = loader.env, loader.company
    contacts = {key: contact.commercial_partner_id for key, contact in loader.customers(name, rows).items()}
    cent = Decimal(str(company.currency_id.rounding))

    def money(number):
        return Decimal(number).quantize(cent, ROUND_HALF_UP)

    in_file, labels = defaultdict(Decimal), {}
    for row in rows:
        contact, amount, currency = contacts.get(row.customer), loader.rounded(row), loader.currency(row)
        if currency != company.currency_id:
            amount = money(currency._convert(float(amount), company.currency_id, company, row.date))
        in_file[contact] += amount
        labels[contact] = row.customer
    ids = [contact.id for contact in in_file if contact]
    values = env["crm.value"].search([("company_id", "=", company.id), ("partner_id", "in", ids)])
    stored = {value.partner_id: money(value.revenue_total) for value in values}
    groups = env["account.invoice.report"]._read_group(
        [
            ("company_id", "=", company.id),
            ("commercial_partner_id", "in", ids),
            ("state", "=", "posted"),
            ("move_type", "in", ("out_invoice", "out_refund", "out_receipt")),
        ],
        ["commercial_partner_id"],
        ["price_subtotal:sum", "move_id:count_distinct"],
    )
    analysed = {contact: money(total) for contact, total, _count in groups}
    table = [
        ("the file", len(in_file), len(rows), sum(in_file.values(), Decimal())),
        ("customer values", len(stored), None, sum(stored.values(), Decimal())),
        ("invoice analysis", len(analysed), sum(count for *_rest, count in groups), sum(analysed.values(), Decimal())),
    ]
    differing = [
        (labels[contact], total, stored.get(contact, Decimal()), analysed.get(contact, Decimal()))
        for contact, total in in_file.items()
        if not total == stored.get(contact) == analysed.get(contact)
    ]
    return table, differing


def report(loader, table, differing, bad, rounded):
    """Print the reconciliation."""
    print(f"\n{'':18}{'customers':>12}{'documents':>12}{'revenue ' + loader.company.currency_id.name:>20}")
    for source, customers, documents, revenue in table:
        count = "" if documents is None else f"{documents:,}"
        print(f"{source:18}{customers:12,}{count:>12}{revenue:20,.2f}")
    spread = max(row[3] for row in table) - min(row[3] for row in table)
    print(f"{'difference':18}{'':24}{spread:20,.2f}")
    print(f"\n{loader.added:,} documents added, {len(bad):,} bad rows left out, {rounded:,} amounts rounded")
    for customer, *totals in differing[:_SHOWN]:
        print("differs: {}: file {:,.2f}, value {:,.2f}, analysis {:,.2f}".format(customer, *totals))
    print(f"{len(differing):,} customers differ")
