"""Domains that managers write as text: tried before they are saved, and refused with a sentence."""

import psycopg2


def try_domain(records, domain):
    """Search by a domain with the rights of its author, not with those of the refresh that will use it.

    :raise Exception: the domain cannot be used
    """
    # Odoo runs constraints with sudo, but a rule must not use fields that its author may not read. The search reads a
    # row because some errors show up only in the database, and would otherwise stop the next refresh of all customers.
    author = records.sudo(False)
    with author.env.cr.savepoint():
        author.search(domain, limit=1)


def domain_error(env, error):
    """Return in words why a domain cannot be used."""
    if isinstance(error, psycopg2.Error):
        return (error.diag.message_primary or "").strip() or env._("the database cannot compare these values")
    text = str(error).strip()
    # Python's own messages about text that is no list
    if isinstance(error, SyntaxError) or text.startswith("malformed node") or " while evaluating" in text or not text:
        return env._("it is not a list of conditions")
    return text
