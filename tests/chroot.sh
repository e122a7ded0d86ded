#!/bin/bash
# What a newcomer does, in an empty Debian 12 root with only git, make and apt: a fresh clone of the current commit,
# the demo, the tests, and everything a second time (which has to install and rebuild nothing).
#
#   make check-chroot            or  sh tests/chroot.sh [TARGET …]; default: demo again check deps
#
# Needs root and debootstrap. The mirror is the one of this machine's apt. The empty root is kept as build/chroot/base.tar;
# the one that was used is removed, KEEP=1 leaves it. Mounts and processes are in namespaces of their own and end with it.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=bookworm cache=$PWD/build/chroot

[ "$(id -u)" = 0 ] || { echo "tests/chroot.sh: needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "tests/chroot.sh: needs debootstrap (apt-get install debootstrap)" >&2; exit 1; }
if [ -z "${QUORATE_CHROOT_INSIDE:-}" ]; then
    QUORATE_CHROOT_INSIDE=1 exec unshare --mount --pid --fork --kill-child -- "$0" "$@"
fi
[ $# -gt 0 ] || set -- demo again check deps

say() { printf '\n==== %s\n' "$*"; }

mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | awk -v s="$suite" '$2 == s { print $1; exit }')
[ -n "$mirror" ] || { echo "tests/chroot.sh: this machine's apt has no $suite to take packages from" >&2; exit 1; }

mkdir -p "$cache"
root=$(mktemp -d "$cache/root.XXXXXX")
trap '[ -n "${KEEP:-}" ] || { umount -R "$root/proc" "$root/dev/shm" 2>/dev/null || true; rm -rf --one-file-system "$root"; }' EXIT
if [ ! -e "$cache/base.tar" ]; then
    say "An empty $suite root (debootstrap)"
    debootstrap --variant=minbase --include=git,make "$suite" "$root" "$mirror" >"$cache/debootstrap.log" 2>&1 ||
        { tail "$cache/debootstrap.log" >&2; exit 1; }
    rm -rf "$root"/var/cache/apt/archives/*.deb
    tar -C "$root" -cf "$cache/base.tar.part" . && mv "$cache/base.tar.part" "$cache/base.tar"
else
    say "An empty $suite root (unpacked from build/chroot/base.tar)"
    tar -C "$root" -xf "$cache/base.tar"
fi
chmod 755 "$root"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
for scheme in http https; do # this machine's way out, if it has a special one
    eval "$(apt-config shell proxy "Acquire::$scheme::Proxy")"
    [ -z "${proxy:-}" ] || echo "Acquire::$scheme::Proxy \"$proxy\";" >>"$root/etc/apt/apt.conf.d/01proxy"
    unset proxy
done
mount -t proc proc "$root/proc"
mkdir -p "$root/dev/shm" && mount -t tmpfs tmpfs "$root/dev/shm"

inside() {
    env -i HOME=/root TERM="${TERM:-dumb}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        chroot "$root" sh -ec "$1"
}
git bundle create -q "$root/root/quorate.bundle" HEAD
inside 'cd /root && git -c advice.detachedHead=false clone -q quorate.bundle quorate'
say "Clone of $(git log -1 --format='%h (%s)'); installed: $(inside 'dpkg-query -f . -W | wc -c') packages"

for step in "$@"; do
    began=$SECONDS
    case $step in
    demo) say "DEMO_EXIT=1 make demo"; inside 'cd /root/quorate && DEMO_EXIT=1 make demo' ;;
    again) say "once more: nothing to install, nothing to build"
        out=$(inside 'cd /root/quorate && DEMO_EXIT=1 make demo 2>&1') || { echo "$out"; exit 1; }
        ! grep -E 'Installing|Unpacking|  CC |  LINK ' <<<"$out" || { echo "a second run did something" >&2; exit 1; } ;;
    *) say "make $step"; inside "cd /root/quorate && make $step" ;;
    esac
    say "$step: $((SECONDS - began)) s"
done
