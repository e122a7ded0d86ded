#!/bin/sh
# Runs each test program given; says which failed. A program that ran no test is a failure.
failed=0; passed=0
for t in "$@"; do
    if out=$("$t" 2>&1); then
        n=$(printf '%s\n' "$out" | sed -n 's/.*\[  PASSED  \] \([0-9]*\) test.*/\1/p' | tail -1)
        if [ "${n:-0}" -gt 0 ]; then passed=$((passed + n)); printf '  ok    %-24s %s tests\n' "${t##*/}" "$n"
        else failed=$((failed + 1)); printf '  NONE  %s ran no test\n' "${t##*/}"; fi
    else
        failed=$((failed + 1)); printf '%s\n' "$out"; printf '  FAIL  %s\n' "$t"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
