#!/bin/bash
# usage: packages.sh ARCH [E2E-TEST…|all]      (by `make packages`; ARCH is this machine's or arm64)
# What users get: the packages that lie in build/deb/, their units, what they would make on a machine, and the programs in
# them, run under what their units forbid (for arm64: under qemu). Without test names, a few that go everywhere.
set -euo pipefail
cd "$(dirname "$0")/.."
arch=$1; shift
native=$(dpkg --print-architecture)
dir=$(mktemp -d /tmp/quorate-packages.XXXXXX)
chmod 755 "$dir" # programs are run as other users, too
trap 'rm -rf "$dir"' EXIT
failed=0
step() { # NAME COMMAND…
    local what=$1; shift
    if "$@" >"$dir/out" 2>&1; then echo "  ok    $what"; else failed=1; cat "$dir/out"; echo "  FAIL  $what"; fi
}
skip() { echo "  SKIP  $1"; }
names="quorate quorate-probe quorate-coordinator"
root=$dir/root
mkdir -p "$root/etc"
for name in $names; do dpkg-deb -x build/deb/"$name"_*_"$arch".deb "$root"; done
units="$root/lib/systemd/system/quorate-probe.service $root/lib/systemd/system/quorate-coordinator.service"

# ---- what is in them

lintian_clean() { # shellcheck disable=SC2046
    lintian --allow-root --fail-on error,warning $(printf "build/deb/%s_*_$arch.deb " $names)
}
depends() { # the probe is a guest: whatever it newly pulls in has to be meant
    local found allowed
    found=$(dpkg-deb -f build/deb/quorate-probe_*_"$arch".deb Depends | tr ',|' '\n\n' | awk '{ print $1 }' | sort)
    allowed=$(printf '%s\n' ca-certificates libc-ares2 libc6 libcurl4 libevent-2.1-7 libjansson4 libnanomsg5 libpcre2-8-0 libssl3 libsystemd0 \
        libyaml-0-2 systemd systemd-standalone-sysusers systemd-sysusers | sort)
    diff <(echo "$allowed") <(echo "$found")
}
contents() {
    diff - <(for name in $names; do dpkg-deb -c build/deb/"$name"_*_"$arch".deb; done |
        awk '$1 !~ /^d/ && $6 !~ /\/doc\// { print $1, $2, $6 }' | sort -k3) <<EOF
-rw-r--r-- root/root ./lib/systemd/system/quorate-coordinator.service
-rw-r--r-- root/root ./lib/systemd/system/quorate-probe.service
-rwxr-xr-x root/root ./usr/bin/quorate
-rwxr-xr-x root/root ./usr/bin/quorate-coordinator
-rwxr-xr-x root/root ./usr/bin/quorate-probe
-rw-r--r-- root/root ./usr/lib/sysctl.d/50-quorate-probe.conf
-rw-r--r-- root/root ./usr/lib/sysusers.d/quorate-coordinator.conf
-rw-r--r-- root/root ./usr/lib/sysusers.d/quorate-probe.conf
-rw-r--r-- root/root ./usr/lib/tmpfiles.d/quorate-coordinator.conf
-rw-r--r-- root/root ./usr/lib/tmpfiles.d/quorate-probe.conf
-rw-r--r-- root/root ./usr/share/man/man1/quorate.1.gz
-rw-r--r-- root/root ./usr/share/man/man5/quorate-monitors.5.gz
-rw-r--r-- root/root ./usr/share/man/man8/quorate-coordinator.8.gz
-rw-r--r-- root/root ./usr/share/man/man8/quorate-probe.8.gz
-rw-r--r-- root/root ./usr/share/quorate-coordinator/coordinator.yml
-rw-r--r-- root/root ./usr/share/quorate-coordinator/credentials.conf
-rw-r--r-- root/root ./usr/share/quorate-coordinator/port-443.conf
-rw-r--r-- root/root ./usr/share/quorate-probe/probe.yml
-rw-r--r-- root/root ./usr/share/quorate-probe/proxy-password.conf
-rw-r--r-- root/root ./usr/share/quorate-probe/raw-ping.conf
EOF
}

# ---- units

verify() { # it exits 0 for unknown keys, too, but not in silence
    mkdir -p "$dir/verify"
    for unit in $units; do sed "s|/usr/bin/quorate|$root/usr/bin/quorate|" "$unit" >"$dir/verify/${unit##*/}"; done
    local out
    out=$(systemd-analyze verify --man=no "$dir"/verify/*.service 2>&1) && [ -z "$out" ] || { echo "$out"; return 1; }
}
exposure() { # UNIT LIMIT, ten times the level
    systemd-analyze security --no-pager --offline=true --threshold="$2" "$root/lib/systemd/system/$1.service" >"$dir/exposure" 2>&1 ||
        { grep -v '^✓' "$dir/exposure"; return 1; }
    sed -n 's/^→ /        /p' "$dir/exposure" >&3
}
drop_ins() { # the examples beside them say what is true, and cost what is expected
    for pair in quorate-probe/raw-ping quorate-probe/proxy-password quorate-coordinator/port-443 quorate-coordinator/credentials; do
        set -- "${pair%/*}" "$root/usr/share/$pair.conf"
        mkdir -p "$dir/drop"
        # systemd-analyze knows no drop-ins offline: behind the unit's own lines they win as they do there
        { sed '/^\[Install\]/,$d' "$root/lib/systemd/system/$1.service"; grep -v '^\[Service\]\|^#' "$2"; } >"$dir/drop/$1.service"
        systemd-analyze security --no-pager --offline=true --threshold=15 "$dir/drop/$1.service" >"$dir/exposure" 2>&1 ||
            { cat "$dir/exposure"; return 1; }
    done
}
users_and_folders() {
    systemd-sysusers --root="$root" && systemd-tmpfiles --root="$root" --create quorate-probe.conf quorate-coordinator.conf || return 1
    local probe coordinator
    probe=$(awk -F: '$1 == "quorate-probe" { print $3 }' "$root/etc/passwd")
    coordinator=$(awk -F: '$1 == "quorate-coordinator" { print $4 }' "$root/etc/passwd")
    [ "$(stat -c '%a %u' "$root/var/lib/quorate-probe")" = "700 $probe" ] || { stat "$root/var/lib/quorate-probe"; return 1; }
    [ "$(stat -c '%a %u' "$root/var/lib/quorate-coordinator")" = "700 $coordinator" ] || { stat "$root/var/lib/quorate-coordinator"; return 1; }
    [ "$(stat -c '%a %u %g' "$root/etc/quorate/probe.yml")" = "644 0 0" ] || { stat "$root/etc/quorate/probe.yml"; return 1; }
    [ "$(stat -c '%a %u %g' "$root/etc/quorate/coordinator.yml")" = "640 0 $coordinator" ] || { stat "$root/etc/quorate/coordinator.yml"; return 1; }
}

# ---- programs: a folder of them for the tests, each in a cage

programs=$dir/programs
mkdir "$programs"
sysroot=$PWD/build/deb/sysroot-$arch
for name in $names; do
    unit=$root/lib/systemd/system/$name.service
    run=
    [ "$arch" = "$native" ] || run="qemu-aarch64-static -L $sysroot"
    [ "$arch" != "$native" ] || [ ! -e "$unit" ] || run="/usr/bin/python3 $PWD/tests/e2e/confine.py $unit"
    # what people do by hand is outside of the unit
    cat >"$programs/$name" <<EOF
#!/bin/sh
case \${1:-} in join|doctor|check|backup|restore) exec ${run##*confine.py*} $root/usr/bin/$name "\$@" ;; esac
exec $run $root/usr/bin/$name "\$@"
EOF
    chmod 755 "$programs/$name"
done
program() { "$programs/$1" "${@:2}"; }
versions() {
    local version
    version=$(dpkg-deb -f build/deb/quorate_*_"$arch".deb Version)
    for name in $names; do
        [ "$(program "$name" --version)" = "$name $version" ] || { echo "$name --version: $(program "$name" --version)"; return 1; }
    done
}
configuration() { # as installed, and with every example line taken in
    local share=$root/usr/share
    program quorate-probe --wait --check-config -c "$share/quorate-probe/probe.yml" &&
        program quorate-coordinator --check-config -c "$share/quorate-coordinator/coordinator.yml" || return 1
    for file in probe coordinator; do
        sed 's/^#\(  \|[a-z]\)/\1/' "$share/quorate-$file/$file.yml" >"$dir/$file.yml"
        ! cmp -s "$share/quorate-$file/$file.yml" "$dir/$file.yml" || return 1
    done
    program quorate-probe --wait --check-config -c "$dir/probe.yml" || return 1
    install -m 600 /dev/null "$dir/automation.secret"
    echo "whsec_$(head -c 32 /dev/zero | base64)" >"$dir/automation.secret"
    sed -i "s|/etc/quorate/automation.secret|$dir/automation.secret|" "$dir/coordinator.yml"
    program quorate-coordinator --check-config -c "$dir/coordinator.yml"
}
cage() { # that it would be noticed: what the unit denies kills
    local unit=$root/lib/systemd/system/quorate-probe.service denied
    for denied in 'os.nice(1)' 'socket.socket(socket.AF_PACKET)' 'mmap.mmap(-1, 4096, prot=7)' 'os.chown("/", 0, 0)'; do
        ! /usr/bin/python3 tests/e2e/confine.py "$unit" /usr/bin/python3 -c "import mmap, os, socket; $denied" 2>/dev/null ||
            { echo "$denied was not noticed"; return 1; }
    done
    /usr/bin/python3 tests/e2e/confine.py "$unit" /usr/bin/python3 -c 'import socket; socket.socket(socket.AF_INET)'
}

exec 3>&1
step "lintian" lintian_clean
step "contents" contents
step "what the probe pulls in" depends
step "units" verify
step "exposure of the probe: at most 1.5" exposure quorate-probe 15
step "exposure of the coordinator: at most 1.2" exposure quorate-coordinator 12
step "exposure with the example drop-ins: at most 1.5" drop_ins
if [ "$(id -u)" = 0 ]; then step "users and folders" users_and_folders; else skip "users and folders: needs root"; fi
step "versions" versions
step "configuration as installed" configuration
[ "$arch" != "$native" ] || step "the cage" cage
[ $# -gt 0 ] || { [ "$arch" = "$native" ] && set -- join path hostile; } || set -- join path
[ "$*" != all ] || set --
BUILD=$programs /usr/bin/python3 tests/e2e/run.py "$@" || failed=1
[ $failed = 0 ]
