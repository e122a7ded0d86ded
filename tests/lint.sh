#!/bin/sh
# usage: lint.sh SOURCE…   include layers, format, clang-tidy, cppcheck, man pages. Says what is wrong, exits 1.
# clang-tidy runs again only on what changed since it was clean (stamps under build/lint/); LINT_NODES is how far its
# analyzer looks into each function (225000 is its own default; the smaller one here is for every day).
set -eu
LINT_NODES=${LINT_NODES:-20000}
cd "$(dirname "$0")/.."
stamps=build/lint
mkdir -p $stamps/cppcheck

if [ "${1:-}" = --tidy ]; then # one file, called by xargs below
    file=$2
    # shellcheck disable=SC2086
    sum=$({ echo "$LINT_NODES $LINT_CFLAGS"; cat .clang-tidy; cc -MM $LINT_CFLAGS "$file" | tr -d '\\' | tr ' ' '\n' |
        grep '\.[ch]$' | xargs cat; } | cksum)
    stamp=$stamps/$(echo "$file" | tr / _).$LINT_NODES
    [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && exit 0
    deep="-Xclang -analyzer-config -Xclang max-nodes=$LINT_NODES"
    checks=
    # it cannot follow the list macros of uthash ("use after free" at every DL_DELETE); the sanitizers judge these files
    # shellcheck disable=SC2086
    if cc -M $LINT_CFLAGS "$file" | grep -q '/ut\(hash\|list\)\.h'; then
        checks='--checks=-clang-analyzer-unix.Malloc,-clang-analyzer-core.NullDereference,-clang-analyzer-core.UndefinedBinaryOperatorResult,-clang-analyzer-core.uninitialized.Assign'
    fi
    case $file in tests/*) checks='--checks=-clang-analyzer-*' ;; esac # cmocka's macros mean nothing to it
    # shellcheck disable=SC2086
    if out=$(clang-tidy --quiet $checks "$file" -- $LINT_CFLAGS $deep 2>/dev/null); then echo "$sum" >"$stamp"
    else printf '%s\n' "$out" | grep -v '^$'; exit 1; fi
    exit 0
fi

failed=0
step() { # NAME COMMAND…
    name=$1; shift
    if out=$("$@" 2>&1); then echo "  ok    $name"; else failed=1; printf '%s\n' "$out"; echo "  FAIL  $name"; fi
}

sources=$(printf '%s\n' "$@" | grep '\.c$')
LINT_CFLAGS="-std=c11 -D_GNU_SOURCE -DQUORATE_VERSION=\"0\" -Iinclude -I. $(pkg-config --cflags \
    nanomsg libcurl libcares libssl jansson libevent sqlite3 yaml-0.1 libsystemd glib-2.0)"
export LINT_CFLAGS LINT_NODES

format() { # names the files; `make format` and `git diff` show the rest
    bad=0
    for f in "$@"; do
        clang-format --dry-run -Werror "$f" >/dev/null 2>&1 || { echo "$f: not formatted (make format)"; bad=1; }
    done
    return $bad
}
# shellcheck disable=SC2086
headers() { # each header compiles on its own
    printf '%s\n' "$@" | grep '\.h$' | grep -v '^tests/' | xargs -P2 -I{} cc $LINT_CFLAGS -Wall -Wextra -fsyntax-only -x c {}
}
tidy() { printf '%s\n' $sources | xargs -P2 -n1 sh tests/lint.sh --tidy; }
cppcheck_all() {
    ours=$(printf '%s\n' $sources | grep -v '^tests/') || return 0 # tests only
    cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -j2 \
        --cppcheck-build-dir=$stamps/cppcheck --suppressions-list=tests/cppcheck.suppress -D_GNU_SOURCE \
        -DQUORATE_VERSION='"0"' -Iinclude -I. $ours
}
man_pages() {
    for page in probe/*.8 coordinator/*.8 coordinator/cli/*.1 proto/*.5; do
        [ -e "$page" ] || continue
        warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
        [ -z "$warnings" ] || { echo "$page: $warnings"; return 1; }
    done
}

# A global of ours with the name of a library's would be called by that library instead of its own (libyaml exports a
# yaml_free, found the hard way). Needs built programs.
symbols() {
    program=$(find build -maxdepth 3 -name quorate-coordinator -type f | head -1)
    probe=$(find build -maxdepth 3 -name quorate-probe -type f | head -1)
    [ -n "$program$probe" ] || { echo "nothing is built yet: not checked" >&3; return 0; }
    # shellcheck disable=SC2046,SC2086
    nm -D --defined-only $(ldd $program $probe | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | grep -v san.so | sort -u) 2>/dev/null |
        awk 'NF == 3 && $2 ~ /[TDBR]/ { sub(/@.*/, "", $3); print $3 }' | sort -u >$stamps/theirs
    # shellcheck disable=SC2046
    nm -g --defined-only $(ls "$(dirname "${program:-$probe}")"/lib*.a) 2>/dev/null |
        awk 'NF == 3 && $3 !~ /^_/ { print $3 }' | sort -u >$stamps/ours
    both=$(comm -12 $stamps/ours $stamps/theirs)
    [ -z "$both" ] || { echo "these names are a library's too: $both"; return 1; }
}
exec 3>&1

step "include layers, and their test" sh -c 'sh tests/layers_test.sh && awk -f tests/layers.awk "$@"' sh "$@"
step "headers compile alone" headers "$@"
step "clang-format" format "$@"
step "cppcheck" cppcheck_all
step "clang-tidy" tidy
step "names of libraries" symbols
step "man pages" man_pages
step "ansible collection" sh tests/ansible.sh
[ $failed = 0 ]
