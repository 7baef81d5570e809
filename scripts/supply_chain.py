"""What this project is made of, from its lock files: known vulnerabilities, and a bill of materials.

python scripts/supply_chain.py audit           asks a database of advisories about each pinned package
python scripts/supply_chain.py sbom FOLDER     writes FOLDER/crm_value_addon-VERSION.cdx.json (CycloneDX 1.6)

The audit ends with 0 when nothing is known, 1 when something is, 2 when the database cannot be asked.
ADVISORIES=<address> asks another database that speaks the same API (OSV, version 1).
"""

import ast
import hashlib
import json
import os
import re
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-oca.lock")
ADVISORIES = "https://api.osv.dev"
_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([\w.!+]+)")
_SECONDS = 30


def pins(lock):
    """Return {(name, version): SHA-256 sums} of a lock file; a name may have several versions, by version of Python."""
    found, current = {}, None
    for line in (ROOT / lock).read_text().splitlines():
        if match := _PIN.match(line):
            current = found.setdefault((match[1].lower().replace("_", "-"), match[2]), [])
        if current is not None and not line.startswith("#"):
            current += re.findall(r"--hash=sha256:(\w{64})", line)
    return found


def purl(name, version):
    """Return the package URL of a Python package."""
    return f"pkg:pypi/{name}@{version}"


# known vulnerabilities


def audit():
    """Print what is known of the pinned packages; return the exit status."""
    import requests

    packages = sorted({package for lock in LOCKS for package in pins(lock)})
    address = os.environ.get("ADVISORIES", ADVISORIES)
    queries = [{"package": {"ecosystem": "PyPI", "name": name}, "version": version} for name, version in packages]
    try:
        answer = requests.post(f"{address}/v1/querybatch", json={"queries": queries}, timeout=_SECONDS)
        answer.raise_for_status()
        results = answer.json()["results"]
    except (requests.RequestException, ValueError, KeyError) as error:
        print(
            f"Nothing was checked: the database of advisories at {address} cannot be asked from here "
            f"({type(error).__name__}). Run this where the network allows it, or name another one with ADVISORIES=.",
            file=sys.stderr,
        )
        return 2
    known = {
        package: [advisory["id"] for advisory in result.get("vulns", ())]
        for package, result in zip(packages, results, strict=True)
    }
    for (name, version), ids in known.items():
        if ids:
            print(f"{name} {version}: {', '.join(sorted(ids))}")
    count = sum(map(len, known.values()))
    print(f"{len(packages)} packages checked, {count} known vulnerabilities")
    return 1 if count else 0


# bill of materials


def _manifests():
    return {path.parent.name: ast.literal_eval(path.read_text()) for path in sorted(ROOT.glob("*/__manifest__.py"))}


def _addon(name, manifest, folder):
    files = sorted([*folder.glob(f"odoo_addon_{name}-*.whl"), *folder.glob(f"{name}-*.zip")])
    files = [path for path in files if re.match(rf"(odoo_addon_)?{name}-\d", path.name)]
    return {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "version": manifest["version"],
        "description": manifest["summary"],
        "licenses": [{"license": {"id": "LGPL-3.0-only"}}],
        "components": [
            {
                "type": "file",
                "bom-ref": path.name,
                "name": path.name,
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
            }
            for path in files
        ],
    }


def _package(name, version, sums, scope):
    # a pin has a sum for each file of it, and which one is installed depends on the machine
    return {
        "type": "library",
        "bom-ref": purl(name, version),
        "name": name,
        "version": version,
        "purl": purl(name, version),
        "scope": scope,
        "properties": [{"name": "pip:sha256", "value": value} for value in sums],
    }


def bill(folder):
    """Return the bill of materials of what lies built in a folder.

    Required is what an installation needs; excluded is what only builds and tests it.
    """
    manifests = _manifests()
    needed = {
        name for manifest in manifests.values() for name in manifest.get("external_dependencies", {}).get("python", ())
    }
    packages = {}
    for lock in LOCKS:
        for (name, version), sums in pins(lock).items():
            scope = "required" if name in needed else "excluded"
            packages[purl(name, version)] = _package(name, version, sums, scope)
    by_name = {}
    for ref, package in packages.items():
        by_name.setdefault(package["name"], []).append(ref)
    addons = [_addon(name, manifest, folder) for name, manifest in manifests.items()]
    odoo = {"type": "application", "bom-ref": "odoo", "name": "odoo", "version": "19.0", "scope": "required"}
    main = manifests["crm_value_addon"]
    depends = [
        {
            "ref": name,
            "dependsOn": sorted(
                {dependency if dependency in manifests else "odoo" for dependency in manifest["depends"]}
                | {
                    ref
                    for package in manifest.get("external_dependencies", {}).get("python", ())
                    for ref in by_name[package]
                }
            ),
        }
        for name, manifest in manifests.items()
    ]
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", 946684800)), UTC).isoformat(),
            "component": {
                "type": "application",
                "bom-ref": "distribution",
                "name": "crm_value_addon and the addons beside it",
                "version": main["version"],
            },
        },
        "components": [*addons, odoo, *packages.values()],
        "dependencies": [{"ref": "distribution", "dependsOn": sorted(manifests)}, *depends],
    }
    # the same content has the same number
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    return {"serialNumber": f"urn:uuid:{number}", **content}


def sbom(folder):
    """Write the bill of materials beside what was built; return the exit status."""
    content = bill(Path(folder))
    path = Path(folder) / f"crm_value_addon-{content['metadata']['component']['version']}.cdx.json"
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"{path.name}: {len(content['components'])} components")
    return 0


if __name__ == "__main__":
    commands = {"audit": audit, "sbom": sbom}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    sys.exit(commands[sys.argv[1]](*sys.argv[2:]))
