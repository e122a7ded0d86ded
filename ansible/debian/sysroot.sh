#!/bin/sh
# usage: sysroot.sh ARCH PACKAGE…     (by `make deb ARCH=…`) unpacks what a program for ARCH is compiled and linked against
# under build/deb/sysroot-ARCH, with as much of dpkg's database as dpkg-shlibdeps reads. Nothing is installed: the -dev
# packages of two architectures cannot stand side by side on one machine.
set -eu
arch=$1; shift
cd "$(dirname "$0")/../.."
root=$PWD/build/deb/sysroot-$arch
[ "$(cat "$root/.done" 2>/dev/null)" = "$*" ] && exit 0
echo "Unpacking for $arch under build/deb/sysroot-$arch (its log is build/deb/sysroot-$arch.log)"
rm -rf "$root"
mkdir -p "$root/apt/lists/partial" "$root/apt/archives/partial" "$root/var/lib/dpkg/info"
exec 3>"$root.log"

# This machine's mirrors, for another architecture, with lists of our own.
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
    awk -v s="$suite" '$2 == s || $2 ~ "^" s "-" { print "deb", $1, $2, $3 }' >"$root/apt/sources.list"
: >"$root/apt/status"
apt() {
    apt-get -qq -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o APT::Sandbox::User="$(id -un)" \
        -o Dir::Etc::SourceList="$root/apt/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::status="$root/apt/status" \
        -o Dir::State::lists="$root/apt/lists" -o Dir::Cache="$root/apt" -o Debug::NoLocking=1 "$@" >&3 2>&1
}
apt update && apt -y --no-install-recommends --download-only install "$@" || {
    tail -20 "$root.log" >&2
    exit 1
}

for deb in "$root"/apt/archives/*.deb; do
    dpkg-deb -x "$deb" "$root"
    name=$(dpkg-deb -f "$deb" Package)
    { dpkg-deb -f "$deb" | sed 's/^Package: .*/&\nStatus: install ok installed/'; echo; } >>"$root/var/lib/dpkg/status"
    dpkg-deb -e "$deb" "$root/control"
    base=$root/var/lib/dpkg/info/$name
    for part in shlibs symbols; do [ ! -e "$root/control/$part" ] || cp "$root/control/$part" "$base.$part"; done
    dpkg-deb --fsys-tarfile "$deb" | tar -t | sed -n "s|^\./\(.*[^/]\)$|$root/\1|p" >"$base.list"
    rm -rf "$root/control"
done
rm -rf "$root/apt/archives"
# Absolute links would lead out of it: the linker would silently take a static library instead.
find "$root" -type l -lname '/*' | while read -r link; do
    ln -sfn "$(realpath -m --relative-to="$(dirname "$link")" "$root$(readlink "$link")")" "$link"
done
echo "$*" >"$root/.done"
