#!/bin/sh
# usage: ansible.sh [--collections | --packages]   The short form of the collection's test: ansible-lint with its production profile,
# syntax of the playbooks with the example inventory, documentation of modules and roles, and that it can be packed.
# Silent when all is well, and run again only after a change. --collections only makes the folder that
# ANSIBLE_COLLECTIONS_PATH wants, and prints it; --packages only downloads what a bare host (tests/hosttree.sh) lacks for the
# packages in build/deb, to where the test's controller looks for it when it has no way out.
set -eu
cd "$(dirname "$0")/.."
folder=$PWD/build/collections
mkdir -p "$folder/ansible_collections/quorate"
ln -sfn "$PWD/ansible" "$folder/ansible_collections/quorate/quorate"
[ "${1:-}" = --collections ] && { echo "$folder"; exit 0; }

export ANSIBLE_COLLECTIONS_PATH="$folder" ANSIBLE_COLLECTIONS_PATHS="$folder" ANSIBLE_NOCOLOR=1 ANSIBLE_LOCALHOST_WARNING=false \
    ANSIBLE_DEVEL_WARNING=false PYTHONDONTWRITEBYTECODE=1
if [ "${1:-}" = --packages ]; then
    out=$(ansible localhost -i localhost, -c local -e ansible_python_interpreter=/usr/bin/python3 -m quorate.quorate.package_offer -a "{
        \"folder\": \"build/deb\", \"names\": [\"quorate\", \"quorate-coordinator\", \"quorate-probe\"],
        \"architecture\": \"$(dpkg --print-architecture)\", \"status\": \"build/hosts/tree/var/lib/dpkg/status\",
        \"cache\": \"$PWD/build/hosts/cache\"}" 2>&1) || { printf '%s\n' "$out"; exit 1; }
    exit 0
fi
stamp=build/lint/ansible
mkdir -p build/lint
sum=$(find ansible tests/ansible.sh -type f ! -path 'ansible/debian/*' ! -name '*.pyc' | LC_ALL=C sort | xargs cat | cksum)
[ "$(cat $stamp 2>/dev/null)" = "$sum" ] && exit 0

quiet() { # runs it; what it says is shown when it fails
    out=$("$@" 2>&1) || { printf '%s\n' "$out"; exit 1; }
}
# inside the folder, without a path: else it looks at nothing, and passes
out=$(cd ansible && ansible-lint -p --offline --nocolor 2>&1) || { printf '%s\n' "$out"; exit 1; }
case $out in *"Passed with production profile"*) ;; *) printf '%s\n' "$out"; echo "ansible-lint looked at nothing?"; exit 1 ;; esac
playbooks=$(cd ansible/playbooks && ls ./*.yml | sed 's|./\(.*\).yml|quorate.quorate.\1|')
# shellcheck disable=SC2086
quiet ansible-playbook --syntax-check -i ansible/example/inventory.yml $playbooks
modules=$(cd ansible/plugins/modules && ls ./*.py | sed 's|./\(.*\).py|quorate.quorate.\1|')
# shellcheck disable=SC2086
out=$(ansible-doc -t module $modules 2>&1) || { printf '%s\n' "$out"; exit 1; }
case $out in *WARNING* | *ERROR*) printf '%s\n' "$out"; exit 1 ;; esac
# shellcheck disable=SC2012
for role in $(ls ansible/roles); do
    case $(ansible-doc -t role "quorate.quorate.$role" 2>&1) in *ENTRY\ POINT*) ;; *) echo "the role $role has no documentation"; exit 1 ;; esac
done
quiet ansible-galaxy collection build --force --output-path build/lint ansible
echo "$sum" >$stamp
