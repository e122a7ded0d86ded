#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs end-to-end tests: run.py [--long] [--jobs N] [NAME ...]

Without names: the default set; --long: the long ones too; those apart, which need more than a build, by name only. Each test is a function test_NAME in tests/e2e/test_*.py, and
runs in a process of its own, in namespaces of its own (network, mounts, processes) where this machine allows that, so that
nothing it starts can outlive it or meet another test's. The work folders of failed tests are kept in build/e2e-failed.
"""
import concurrent.futures
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from lab import Counter, Failure, Lab, Skip  # noqa: E402


def find_tests():
    """name -> function, in the order of the files."""
    tests = {}
    for file in sorted(f for f in os.listdir(HERE) if f.startswith("test_") and f.endswith(".py")):
        module = importlib.import_module(file[:-3])
        for name, value in vars(module).items():
            if name.startswith("test_") and callable(value) and value.__module__ == module.__name__:
                if not value.__doc__:
                    sys.exit(f"{file}: {name} has no docstring that says what it shows")
                tests[name[5:]] = value
    return tests


def isolation():
    """The command that puts a test into namespaces of its own; empty when this machine does not allow it."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    for propagation in ([], ["--propagation", "unchanged"]):  # a chroot's root is no mount point: "private" fails there
        command = ["unshare", *user, "--net", "--mount", *propagation, "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
        if subprocess.run([*command, "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0:
            return command
    return []


def run_here(name):
    """Runs one test in this process: the exit status."""
    if os.environ.get("QUORATE_LAB_NAMESPACES") == "1":
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    try:
        with Lab() as lab:
            find_tests()[name](lab)
    except Skip as e:
        print(f"    {e}")
        return 3
    except Failure as e:
        where = traceback.extract_tb(e.__traceback__)
        lines = [f"{os.path.basename(f.filename)}:{f.lineno}" for f in where if os.path.basename(f.filename).startswith("test_")]
        print(f"    {' < '.join(reversed(lines))}: {e}")
        return 1
    except Exception:
        traceback.print_exc(file=sys.stdout)
        return 1
    if not Counter.n:
        print("    this test asserts nothing")
        return 1
    return 0


def run_child(command, name, timeout):
    began = time.monotonic()
    folder = tempfile.mkdtemp(prefix="quorate-", dir="/tmp")  # ours, so that a killed test leaves nothing behind
    env = {**os.environ, "QUORATE_LAB_NAMESPACES": "1" if command else "0", "QUORATE_LAB_DIR": folder}
    argv = [*command, sys.executable, os.path.join(HERE, "run.py"), "--here", name]
    try:
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=timeout, errors="replace")
        code, out = done.returncode, done.stdout
    except subprocess.TimeoutExpired as e:
        code, out = 1, f"{(e.stdout or b'').decode(errors='replace')}    not done after {timeout} s\n"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return name, code, out, time.monotonic() - began


def main():
    argv, jobs, long = sys.argv[1:], 2 * (os.cpu_count() or 1), False  # they wait more than they work
    if argv[:1] == ["--here"]:
        return run_here(argv[1])
    while argv and argv[0].startswith("-"):
        option = argv.pop(0)
        if option == "--long":
            long = True
        elif option == "--jobs" and argv and argv[0].isdigit():
            jobs = max(1, int(argv.pop(0)))
        else:
            sys.exit(__doc__.strip())
    tests = find_tests()
    unknown = [n for n in argv if n not in tests]
    if unknown:
        listing = "\n".join(f"  {n:26}{' (long)' if getattr(t, 'long', 0) else '':8}{t.__doc__.splitlines()[0]}" for n, t in tests.items())
        sys.exit(f"no such test: {', '.join(unknown)}\n\n{__doc__.strip()}\n\nTests:\n{listing}")
    names = argv or [n for n in tests if (long or not getattr(tests[n], "long", 0)) and not getattr(tests[n], "apart", False)]
    names.sort(key=lambda n: -getattr(tests[n], "seconds", 0))  # the longest first: the cores end together
    shutil.rmtree(os.path.join(os.path.dirname(os.path.dirname(HERE)), "build/e2e-failed"), ignore_errors=True)
    command = isolation()
    counts = {0: 0, 3: 0}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run_child, command, n, getattr(tests[n], "long", 0) or 120) for n in names]
        for future in concurrent.futures.as_completed(futures):
            name, code, out, seconds = future.result()
            counts[code] = counts.get(code, 0) + 1
            print(f"  {'ok' if code == 0 else 'SKIP' if code == 3 else 'FAIL':4}  {name:28} {seconds:6.1f} s", flush=True)
            if out.strip() and (code or argv):  # what was measured, for whoever asks for a test by name
                print(out.rstrip(), flush=True)
    failed = len(names) - counts[0] - counts[3]
    if counts[3]:
        print(f"{counts[3]} skipped: this machine cannot run them")
    print(f"{counts[0]} passed, {failed} failed")
    return 1 if failed or not counts[0] else 0


if __name__ == "__main__":
    sys.exit(main())
