#!/bin/sh
# Builds the file tree of a bare Debian 12 host under build/hosts/tree, as a fresh cloud image is: systemd, sshd, python3,
# a user `admin` who may sudo; no way out and no package repository. tests/e2e/hosts.py boots it. A second run does nothing.
#
# Needs root, mmdebstrap and apt's sources. About a minute and a half, 200 MB.
set -eu
dir=${HOSTS:-build/hosts}
packages=systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,python3,iproute2,sudo,procps

[ "$(cat "$dir/.done" 2>/dev/null)" = "$packages" ] && exit 0
[ "$(id -u)" = 0 ] || { echo "tests/hosttree.sh: needs root, to make a tree whose files belong to root" >&2; exit 1; }
rm -rf "$dir"
mkdir -p "$dir"
echo "Unpacking a Debian 12 under $dir/tree"
mmdebstrap --quiet --variant=apt --include=$packages --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$dir/tree" >"$dir/log" 2>&1 || { tail -20 "$dir/log" >&2; exit 1; }
tree=$dir/tree
chroot "$tree" useradd -m -s /bin/bash admin
install -d -m 700 -o 1000 -g 1000 "$tree/home/admin/.ssh"
echo 'admin ALL=(ALL) NOPASSWD: ALL' >"$tree/etc/sudoers.d/admin"
rm -f "$tree"/etc/ssh/ssh_host_* "$tree/etc/hostname" "$tree"/etc/apt/sources.list "$tree"/etc/apt/sources.list.d/*
rm -f "$tree"/var/lib/apt/lists/* 2>/dev/null || true
: >"$tree/etc/resolv.conf"
echo "$packages" >"$dir/.done"
