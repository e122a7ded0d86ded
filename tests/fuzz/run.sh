#!/bin/sh
# usage: run.sh SECONDS TARGET…   builds each fuzz target with libFuzzer, ASan and UBSan and runs it for SECONDS.
# Inputs that reach new code are kept under build/fuzz/TARGET/found; a crash stops the run and names its file. To keep
# what was found, put the file (or a few of the found ones) into tests/fuzz/corpus/TARGET, which `make check` replays.
set -eu
cd "$(dirname "$0")/../.."
packages=${PKGS:?the libraries: run it with make fuzz}
flags="-std=c11 -g -O1 -w -D_GNU_SOURCE -DQUORATE_VERSION=\"fuzz\" -Iinclude -I. -fno-omit-frame-pointer \
-fsanitize=address,undefined -fno-sanitize-recover=all $(pkg-config --cflags $packages)"

if [ "$1" = --compile ]; then # one source, called by xargs below
    # shellcheck disable=SC2086
    exec clang $flags -fsanitize=fuzzer-no-link -c -o "build/fuzz/obj/$(printf '%s' "$2" | tr / _).o" "$2"
fi
seconds=$1
shift
[ $# -gt 0 ] || { echo "usage: run.sh SECONDS TARGET..." >&2; exit 2; }

# everything that a target may reach; the linker takes what it needs, of the command line only what the rest lacks
rm -rf build/fuzz/obj build/fuzz/all.a build/fuzz/cli.a
mkdir -p build/fuzz/obj
find proto probe coordinator -name '*.c' ! -name main.c | xargs -P2 -n1 sh tests/fuzz/run.sh --compile
ar rcs build/fuzz/cli.a build/fuzz/obj/coordinator_cli_*.o
rm -f build/fuzz/obj/coordinator_cli_*.o
ar rcs build/fuzz/all.a build/fuzz/obj/*.o

for target in "$@"; do
    name=${target#fuzz_}
    out=build/fuzz/$name
    mkdir -p "$out/found"
    # shellcheck disable=SC2046,SC2086
    clang $flags -fsanitize=fuzzer -o "$out/fuzz" "tests/fuzz/fuzz_$name.c" build/fuzz/all.a build/fuzz/cli.a \
        $(pkg-config --libs $packages) -lresolv -lpthread -lm
    "$out/fuzz" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="$out/" "$out/found" "tests/fuzz/corpus/$name" >"$out/log" 2>&1 ||
        { tail -40 "$out/log"; echo "fuzz_$name: FAILED, see $out/"; exit 1; }
    printf '  ok    %-24s %s\n' "fuzz_$name" "$(grep -o '#[0-9]*.DONE.*' "$out/log" | tr '\t' ' ')"
done
