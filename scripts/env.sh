# Sourced by the other scripts: where things are, how they speak, and which PostgreSQL they use.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
STATE=$ROOT/.odoo
CACHE=${CRM_VALUE_CACHE:-${HOME:-/tmp}/.cache/crm_value_addon}
export ROOT STATE CACHE
export ODOO_RC=$STATE/odoo.conf
export PATH=$STATE/venv/bin:$PATH
export PYTHONDONTWRITEBYTECODE=${PYTHONDONTWRITEBYTECODE-}

step() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Runs one step quietly; when it fails, its last lines and one line on what to do are all one sees.
# quietly LOG HINT COMMAND…
quietly() {
    local log=$STATE/log/$1 hint=$2
    shift 2
    mkdir -p "$STATE/log"
    "$@" >"$log" 2>&1 </dev/null && return
    tail -n 5 "$log" >&2
    if grep -q 'No space left on device' "$log"; then
        die "the disk is full: free some space on $(df -P "$STATE" | awk 'NR==2 {print $6}') and start again"
    fi
    die "$hint (whole log: $log)"
}

# Makes PGHOST and its like name a running server: the one the user named, or the embedded one.
use_postgres() {
    if [ -z "${PGHOST-}" ]; then
        PGHOST=$("$ROOT/scripts/postgres" start) || exit 1
        export PGHOST PGPORT=5432 PGUSER=odoo
        unset PGPASSWORD PGDATABASE PGSERVICE
    fi
}
