#!/bin/sh
# Puts the real servers that the demo and the tests talk to, and the tools that ours are compared with, under
# build/peers: Debian's packages, downloaded and unpacked, never installed, so that none of them becomes a running
# service of this machine. They are run as children.
#
#   sh tests/peers.sh          everything;  build/peers/bin/nginx, haproxy, squid, nsd, unbound, check_http, check_tcp, and libfaketime
#                              are then there
#   sh tests/peers.sh servers  servers of mail, files, directories and databases, under build/peers-servers
#   sh tests/peers.sh bench    what only `make bench` runs, under build/peers-bench
#   sh tests/peers.sh counted  the kernel of the machine that counts instructions (tests/bench/counted.py), under build/peers-counted
#
# Needs apt's package lists (make deps) and no root. A second run does nothing.
set -eu
dir=${PEERS:-build/peers}
packages="nginx libnginx-mod-stream haproxy liblua5.3-0 libopentracing1 libopentracing-c-wrapper0 \
squid squid-common squid-langpack libecap3 libltdl7 libnetfilter-conntrack3 libnfnetlink0 libmnl0 libtdb1 libfaketime \
monitoring-plugins-basic nsd unbound libpython3.11 libprotobuf-c1 libfstrm0 ldnsutils libldns3"
if [ "${1:-}" = bench ]; then
    dir=${PEERS:-build/peers-bench}
    packages="prometheus-blackbox-exporter fping"
elif [ "${1:-}" = counted ]; then
    dir=${PEERS:-build/peers-counted}
    packages="busybox-static linux-image-amd64"
elif [ "${1:-}" = servers ]; then
    dir=${PEERS:-build/peers-servers}
    packages="exim4-daemon-light libidn12 dovecot-core dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-managesieved dovecot-sieve vsftpd \
libwrap0 slapd libltdl7 postgresql-15 mariadb-server-core mariadb-common liburing2 libaio1 prosody lua5.4 liblua5.4-0 lua-expat lua-filesystem \
lua-socket lua-sec lua-bitop lua-unbound libunbound8"
fi

[ -e "$dir/.done" ] && [ "$(cat "$dir/.done")" = "$packages" ] && exit 0
rm -rf "$dir"
mkdir -p "$dir/deb" "$dir/root" "$dir/bin"

fetch() { # as root apt wants to drop to _apt, which may not write here: stay who we are
    case $packages in *linux-image-amd64) of_it=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: //p') ;; esac # itself is empty
    (cd "$dir/deb" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download $packages ${of_it:-}) >"$dir/log" 2>&1
}
update() {
    if [ "$(id -u)" = 0 ]; then apt-get -qq update; elif command -v sudo >/dev/null; then sudo apt-get -qq update; fi >>"$dir/log" 2>&1
}
exec 9>build/.apt.lock && flock 9 # apt may be at work for others of us
echo "Unpacking under $dir: $packages"
# Lists that are missing or older than the mirror (404): refresh them once.
fetch || { update; fetch; } || { cat "$dir/log" >&2; echo "tests/peers.sh: cannot download: $packages" >&2; exit 1; }
if [ "${1:-}" = counted ]; then # of the kernel's 400 MB what it needs to begin
    dpkg-deb -x "$dir"/deb/busybox-static_*.deb "$dir/root"
    dpkg-deb --fsys-tarfile "$dir"/deb/linux-image-[0-9]*.deb | tar -x -C "$dir/root" --wildcards './boot/vmlinuz-*' '*/kernel/drivers/virtio' \
        '*/kernel/net/9p' '*/kernel/fs/9p' '*/kernel/fs/netfs' '*/kernel/fs/fscache'
    rm -rf "$dir/deb"
    echo "$packages" >"$dir/.done"
    exit 0
fi
for deb in "$dir"/deb/*.deb; do dpkg-deb -x "$deb" "$dir/root"; done
if [ "${1:-}" = servers ]; then # run where they were built for, in a mount namespace (tests/e2e/test_starttls.py)
    rm -rf "$dir/deb"
    echo "$packages" >"$dir/.done"
    exit 0
fi
if [ "${1:-}" = bench ]; then
    ln -s ../root/usr/bin/prometheus-blackbox-exporter ../root/usr/bin/fping "$dir/bin"
    rm -rf "$dir/deb"
    echo "$packages" >"$dir/.done"
    exit 0
fi
ln -s ../root/usr/sbin/nginx ../root/usr/lib/nagios/plugins/check_http ../root/usr/lib/nagios/plugins/check_tcp "$dir/bin"
libraries=$(cd "$dir/root/usr/lib/$(uname -m)-linux-gnu" && pwd)
root=$(cd "$dir/root" && pwd)
for program in sbin/squid sbin/haproxy sbin/nsd sbin/unbound bin/ldns-keygen bin/ldns-signzone; do
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s/usr/%s "$@"\n' "$libraries" "$root" $program >"$dir/bin/${program#*/}"
    chmod +x "$dir/bin/${program#*/}"
done
for program in usr/sbin/nginx usr/lib/nginx/modules/ngx_stream_module.so usr/sbin/haproxy usr/sbin/squid usr/lib/squid/basic_ncsa_auth \
    usr/lib/nagios/plugins/check_http usr/sbin/nsd usr/sbin/unbound usr/bin/ldns-keygen usr/bin/ldns-signzone; do
    missing=$(LD_LIBRARY_PATH=$libraries ldd "$root/$program" | grep 'not found' || true)
    [ -z "$missing" ] || { echo "tests/peers.sh: $program lacks libraries:" >&2; echo "$missing" >&2; exit 1; }
done
rm -rf "$dir/deb"
echo "$packages" >"$dir/.done"
