#!/bin/sh
# Installs the Debian packages named as arguments that are not there yet; asks for nothing but sudo's password.
set -eu
exec 9>build/.apt.lock && flock 9 # make may want several sets at once; apt does one thing at a time
missing=
for p in "$@"; do
    case $(dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null) in ii*) ;; *) missing="$missing $p" ;; esac
done
[ -n "$missing" ] || exit 0
sudo=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "make deps: these packages are missing and neither root nor sudo is at hand:$missing" >&2; exit 1; }
    sudo=sudo
fi
log=build/apt.log
install() { # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $missing >>"$log" 2>&1
}
echo "Installing (the log is $log):$missing"
# Package lists that are missing, or older than the mirror, make the first try fail: refresh them once.
install || { $sudo apt-get -qq update >>"$log" 2>&1 && install; } ||
    { tail -20 "$log" >&2; echo "make deps: apt-get failed; the whole log is $log" >&2; exit 1; }
