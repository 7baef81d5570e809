# Sourced by the other scripts: where things are, how they speak, and which PostgreSQL they use.

# without it a failure inside $(…) goes unseen
shopt -s inherit_errexit

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
STATE=$ROOT/.odoo
CACHE=${CRM_VALUE_CACHE:-${HOME:-/tmp}/.cache/crm_value_addon}
export ODOO_RC=$STATE/odoo.conf
export PATH=$STATE/venv/bin:$PATH

step() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

die_of_full_disk() { die "the disk of $STATE is full: free some space there and start again"; }

# Runs a command with its output in a log, and on a terminal shows the newest line of it that matches PATTERN and how
# many did. When it fails, one line says what to do. quietly LOG PATTERN HINT COMMAND…
quietly() {
    local log=$STATE/log/$1 pattern=$2 hint=$3 status=0 job
    shift 3
    mkdir -p "$STATE/log"
    "$@" >"$log" 2>&1 </dev/null &
    job=$!
    # a job in the background does not hear Ctrl-C
    trap 'kill "$job" 2>/dev/null; exit 130' INT TERM HUP
    while [ -t 2 ] && kill -0 "$job" 2>/dev/null; do
        printf '\r\033[K%4s  %.90s' "$(grep -cE "$pattern" "$log")" "$(grep -oE "$pattern.*" "$log" | tail -n 1)" >&2
        sleep 0.5
    done
    [ ! -t 2 ] || printf '\r\033[K' >&2
    wait "$job" || status=$?
    trap - INT TERM HUP
    [ "$status" != 0 ] || return 0
    [ -z "${CI-}" ] || tail -n 30 "$log" >&2
    ! grep -q 'No space left on device' "$log" || die_of_full_disk
    die "$hint (its log: $log)"
}

# Makes PGHOST and its like name a running server: the one the user named, or the embedded one.
use_postgres() {
    if [ -z "${PGHOST-}" ]; then
        # the server runs as long as this descriptor is open: here, in what this script starts, or in another script
        mkdir -p "$STATE"
        exec 6>>"$STATE/postgres.users"
        flock -s 6
        PGHOST=$("$ROOT/scripts/postgres" use) || exit 1
        export PGHOST PGPORT=5432 PGUSER=odoo
        unset PGPASSWORD PGDATABASE PGSERVICE
    else
        [ "${PGUSER-}" != postgres ] || die "Odoo refuses to work as PGUSER=postgres: name another role that may create databases"
        sql postgres 'SELECT 1' >/dev/null || die "no database server at PGHOST=$PGHOST: set PGHOST, PGPORT, PGUSER, PGPASSWORD, or unset PGHOST"
    fi
}

# sql DATABASE STATEMENT: prints the rows it returns
sql() {
    python - "$@" <<'EOF'
import sys
import psycopg2
try:
    connection = psycopg2.connect(dbname=sys.argv[1])
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(sys.argv[2])
    for row in cursor.fetchall() if cursor.description else ():
        print(*row)
except psycopg2.Error as error:
    sys.exit(f"PostgreSQL: {error}".splitlines()[0])
EOF
}

# no_vacuum DATABASE, before tests: A class of tests is one transaction, which may take minutes. A vacuum meanwhile would
# find its tables empty, and Odoo's larger queries would then take minutes each.
no_vacuum() {
    sql "$1" "DO 'DECLARE name text; BEGIN
        FOR name IN SELECT oid::regclass FROM pg_class WHERE relkind = ''r'' AND relnamespace = ''public''::regnamespace
        LOOP EXECUTE format(''ALTER TABLE %s SET (autovacuum_enabled = false)'', name); END LOOP; END'"
}
