#!/bin/sh
# usage: build.sh ARCH VERSION PACKAGE…     (by `make deb`) builds the packages in a copy of the tree, build/deb/ARCH/quorate,
# and puts them into build/deb/. The copy stays, so that a second run compiles what changed only. PACKAGE…: what programs
# for another architecture than this machine's are compiled against.
set -eu
arch=$1 version=$2
shift 2
unset MAKEFLAGS MFLAGS MAKELEVEL # dpkg's make is one of its own
cd "$(dirname "$0")/../.."
out=$PWD/build/deb work=$PWD/build/deb/$arch
mkdir -p "$work"
rsync -a --delete --exclude=/.git --exclude='/build*' --exclude=/debian --exclude=__pycache__ ./ "$work/quorate/"
rsync -a --delete --exclude=build.sh ansible/debian/ "$work/quorate/debian/"

# One history is enough: CHANGELOG.md is what people read. The date makes the build reproducible.
date=$(git log -1 --format=%cD 2>/dev/null) || date=$(date -R -r CHANGELOG.md)
author=$(sed -n 's/^Maintainer: //p' ansible/debian/control)
printf 'quorate (%s) unstable; urgency=medium\n\n  * What changed is in CHANGELOG.md.\n\n -- %s  %s\n' \
    "$version" "$author" "$date" >"$work/quorate/debian/changelog"

if [ "$arch" != "$(dpkg --print-architecture)" ]; then
    sh ansible/debian/sysroot.sh "$arch" "$@"
    SYSROOT=$PWD/build/deb/sysroot-$arch
    library=$SYSROOT/usr/lib/$(dpkg-architecture -a "$arch" -f -q DEB_HOST_MULTIARCH)
    export SYSROOT PKG_CONFIG_SYSROOT_DIR="$SYSROOT" PKG_CONFIG_LIBDIR="$library/pkgconfig:$SYSROOT/usr/share/pkgconfig"
fi

rm -f "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out"/*_"$arch".deb
cd "$work/quorate"
dpkg-buildpackage --host-arch "$arch" -b -d -nc -us -uc >"$work/log" 2>&1 || {
    tail -40 "$work/log" >&2
    echo "make deb: the whole log is $work/log" >&2
    exit 1
}
mv "$work"/*.deb "$out/"
(cd "$out" && ls -- *_"$arch".deb | sed 's|^|  build/deb/|')
