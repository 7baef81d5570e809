"""Conditions that managers write as text: tried before they are saved, and refused in words."""
import psycopg2


def try_domain(records, domain):
    """Search by a domain, as its author and not as the machine that will use it.

    :raise Exception: the domain cannot be used
    """
    # As the user, where Odoo checks by sudo: a rule cannot ask for what its author may not see. One row is asked for:
    # what only the database finds wrong would otherwise fail in the next refresh, of everybody.
    author = records.sudo(False)
    with author.env.cr.savepoint():
        author.search(domain, limit=1)


def domain_fault(env, error):
    """Return in words why a domain cannot be used."""
    if isinstance(error, psycopg2.Error):
        return (error.diag.message_primary or "").strip() or env._("the database cannot compare these values")
    text = str(error).strip()
    # what Python says of text that is no list
    if isinstance(error, SyntaxError) or text.startswith("malformed node") or " while evaluating" in text or not text:
        return env._("it is not a list of conditions")
    return text
