#!/bin/sh
# Runs each test program given, as many at once as there are processors; says which failed. A program that ran no test is
# a failure.
set -eu
if [ "$1" = --one ]; then
    out=$2 t=$3
    if "$t" >"$out/${t##*/}" 2>&1; then
        n=$(sed -n 's/.*\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$out/${t##*/}" | tail -1)
        [ "${n:-0}" -gt 0 ] || { printf '  NONE  %s ran no test\n' "${t##*/}"; exit 0; }
        skipped=$(sed -n 's/.*\[  SKIPPED \] \([0-9]*\) test.*/\1/p' "$out/${t##*/}" | tail -1)
        printf '  ok    %-24s %s tests%s\n' "${t##*/}" "$n" "${skipped:+, $skipped SKIPPED on this machine}"
        [ -z "$skipped" ] || echo "$skipped" >"$out/${t##*/}.skipped"
        echo "$n" >"$out/${t##*/}.passed"
    else
        { cat "$out/${t##*/}"; printf '  FAIL  %s\n' "$t"; } >"$out/${t##*/}.report" 2>&1
        cat "$out/${t##*/}.report" # at once: reports of programs that run at the same time stay apart
    fi
    exit 0
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 sh "$0" --one "$out"
passed=$(cat "$out"/*.passed 2>/dev/null | awk '{ n += $1 } END { print n + 0 }')
skipped=$(cat "$out"/*.skipped 2>/dev/null | awk '{ n += $1 } END { print n + 0 }')
failed=$(($# - $(find "$out" -name '*.passed' | wc -l)))
[ "$skipped" = 0 ] || echo "$skipped skipped: this machine cannot run them"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
