# SPDX-License-Identifier: MIT
"""Running the programs: start, stop, signals, configuration, files, sockets."""
import json
import os
import re
import signal
import stat
import subprocess
import time

from lab import BUILD, ROOT, Failure, Skip, check, equal, read, wait_for, write
from peers import Network, Receiver, Site, Stream


def test_sigterm(lab):
    """SIGTERM ends either program within 2 s with exit code 0, also in the middle of work; files are private."""
    site = Site(lab)
    coordinator = lab.coordinator().start()
    probes = lab.trio(coordinator)
    monitor = lab.monitor(coordinator, "shop", "http", site.url)
    lab.wait_state(coordinator, monitor, "up")
    stream = Stream(coordinator)
    for child in (probes[0], coordinator, probes[1]):  # the last one stops without a coordinator
        began = time.monotonic()
        equal(child.stop(2.0), 0, f"exit code of {child.name}")
        check(time.monotonic() - began <= 2, f"{child.name} took {time.monotonic() - began:.1f} s")
    stream.close()
    for folder, _, files in os.walk(coordinator.dir):
        equal(stat.S_IMODE(os.stat(folder).st_mode) & 0o077, 0, f"others' rights to {folder}")
        for name in files:
            mode = os.lstat(os.path.join(folder, name)).st_mode
            equal(stat.S_IMODE(mode) & 0o077, 0, f"others' rights to {name}")
    check(os.path.exists(os.path.join(coordinator.dir, "admin.key")), "the admin key is there")


def test_probe_listens_nowhere(lab):
    """A working probe has no listening socket; the coordinator listens on loopback only."""
    site = Site(lab)
    coordinator = lab.coordinator().start()
    probes = lab.trio(coordinator)
    for kind, target in (("http", site.url), ("ping", "127.0.0.1")):
        lab.wait_state(coordinator, lab.monitor(coordinator, kind, kind, target), "up")
    table = subprocess.run(["ss", "-Hltxnp"], capture_output=True, text=True, check=True).stdout
    pids = {int(p) for p in re.findall(r"pid=(\d+)", table)}
    check(coordinator.pid in pids, f"ss shows who listens: {table}")
    for probe in probes:
        check(probe.pid not in pids, f"{probe.name} listens: {table}")
    for line in table.splitlines():
        if f"pid={coordinator.pid}," in line and line.startswith("tcp"):
            check("127.0.0.1:" in line.split()[4], f"listens beyond loopback: {line}")


def test_journal(lab):
    """In a real journal each entry has fields to search by; SIGUSR1 turns debug on and SIGUSR2 off again, while it runs."""
    if os.environ.get("QUORATE_LAB_NAMESPACES") != "1":
        raise Skip("needs a mount namespace")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    lab.closers.append(lambda: subprocess.run(["umount", "-l", "/run"]))
    for folder in ("/run/systemd/journal", "/run/log/journal"):
        os.makedirs(folder)
    if not os.path.isdir("/sys/fs/cgroup"):  # in a bare root; journald does not start without
        for kind, place in (("sysfs", "/sys"), ("cgroup2", "/sys/fs/cgroup")):
            subprocess.run(["mount", "-t", kind, kind, place], check=True)
            lab.closers.append(lambda place=place: subprocess.run(["umount", "-l", place]))
    journald = subprocess.Popen(["/lib/systemd/systemd-journald"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lab.closers.append(lambda: (journald.kill(), journald.wait()))
    wait_for(lambda: os.path.exists("/run/systemd/journal/socket"), "journald")
    as_unit = ["sh", "-c", 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@"', "sh"]  # what systemd sets

    def entries(**match):
        found = subprocess.run(["journalctl", "-D", "/run/log/journal", "-o", "json", *(f"{k}={v}" for k, v in match.items())],
                               capture_output=True, text=True).stdout
        return [json.loads(line) for line in found.splitlines()]

    coordinator = lab.coordinator(prefix=as_unit).start()
    lab.regions(coordinator)
    probe = lab.probe(coordinator, "tokyo-1", "ap-northeast-1", prefix=as_unit).start()
    started = wait_for(lambda: entries(QUORATE_EVENT="coordinator.started"), "the coordinator's start in the journal")[0]
    equal((started["PRIORITY"], started["_PID"]), ("6", str(coordinator.pid)), "its level and process")
    check(started["MESSAGE"].startswith("coordinator.started version="), started["MESSAGE"])
    check(wait_for(lambda: entries(QUORATE_EVENT="probe.started", QUORATE_NAME="tokyo-1"), "the probe's start"), "by a field")
    for child in (coordinator, probe):
        equal(child.text(), "", f"what {child.name} wrote on standard error")
        child.signal(signal.SIGUSR1)
        wait_for(lambda: entries(QUORATE_EVENT="log.level", QUORATE_LEVEL="debug", _PID=child.pid), f"{child.name} to log debug")
        child.signal(signal.SIGUSR2)
        wait_for(lambda: entries(QUORATE_EVENT="log.level", QUORATE_LEVEL="configured", _PID=child.pid), f"{child.name} to log as before")


def test_reconnect(lab):
    """After a restart of the coordinator its probes are back and vote within seconds; monitors and alerts are as they were."""
    site = Site(lab)
    coordinator = lab.coordinator().start()
    probes = lab.trio(coordinator)
    monitor = lab.monitor(coordinator, "shop", "http", site.url)
    lab.wait_state(coordinator, monitor, "up")
    before = coordinator.api.must("GET", f"/api/v1/monitors/{monitor}")
    for stop in (coordinator.kill, coordinator.stop):
        stop()
        coordinator.start()
        began = time.monotonic()
        lab.wait_connected(coordinator, *probes, timeout=3)
        wait_for(lambda: all(v["verdict"] == "up" for v in coordinator.explain(monitor)["votes"]), "the votes", 3)
        print(f"    back after {time.monotonic() - began:.2f} s")
        lab.wait_state(coordinator, monitor, "up", 15)
        after = coordinator.api.must("GET", f"/api/v1/monitors/{monitor}")
        volatile = lambda m: {k: v for k, v in m.items() if k not in ("state", "since")}
        equal(volatile(after), volatile(before), "the monitor after the restart")
    equal(coordinator.alerts(), [], "alerts")


def test_sighup(lab):
    """SIGHUP: a new channel gets the next alert; a wrong file changes nothing, and the log says where it is wrong."""
    first, second = Receiver(lab, "first"), Receiver(lab, "second")
    site = Site(lab)
    coordinator = lab.coordinator(channels=[first.channel]).start()
    probes = lab.trio(coordinator)
    monitor = lab.monitor(coordinator, "shop", "http", site.url)
    lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)

    good = read(coordinator.path)
    write(coordinator.path, good.replace('"log_level"', '"x"').replace('"url"', '"ur1"'))
    coordinator.signal(signal.SIGHUP)
    wait_for(lambda: re.search(re.escape(coordinator.path) + r":\d+.*ur1", coordinator.text()), "the log to name file, line and key", 5)
    check(coordinator.alive(), "it runs on")
    coordinator.configure(channels=[first.channel, second.channel])
    mark = len(coordinator.text())
    coordinator.signal(signal.SIGHUP)
    wait_for(lambda: re.search(r"config|conf|reload", coordinator.text()[mark:]), "the log to say that it was read again", 5)
    for probe in probes:
        probe.signal(signal.SIGHUP)
    site.down()
    one = first.wait("the alert", 20)
    two = second.wait("the alert at the new channel", 5)
    equal(one.alert["id"], two.alert["id"], "the same alert")
    check(one.id != two.id, "a message has an id per channel")
    for probe in probes:
        check(probe.alive(), f"{probe.name} lives on after SIGHUP")


def test_own_addresses(lab):
    """A probe does not check its own machine, at a public address neither, unless its file allows it; SIGHUP looks again."""
    network = Network(lab)
    own, later = "9.9.9.9", "9.9.9.10"
    conf = {"link": {"report": f"ipc://{lab.file('report')}", "orders": f"ipc://{lab.file('orders')}"}}
    coordinator = lab.coordinator(**conf).start()
    lab.regions(coordinator, ["tokyo"])
    site = network.site("tokyo")
    site.run("ip", "address", "add", own + "/32", "dev", "lo")
    probe = lab.probe(coordinator, "tokyo-1", "tokyo", prefix=site.prefix).start()
    lab.wait_connected(coordinator, probe)
    monitors = {a: lab.monitor(coordinator, a, "tcp", f"{a}:80") for a in (own, later)}
    def reasons():
        votes = {a: coordinator.explain(m)["votes"] for a, m in monitors.items()}
        return {a: v[0]["reason"] for a, v in votes.items() if v}
    refused = "internal.policy"
    wait_for(lambda: reasons().get(own) == refused, "the refusal of its own address", 10)
    wait_for(lambda: reasons().get(later) not in (None, refused), "an attempt at what is nobody's address", 10)
    site.run("ip", "address", "add", later + "/32", "dev", "lo")
    write(probe.path, json.dumps({**probe.conf, "allow": ["9.9.9.9"]}))
    probe.signal(signal.SIGHUP)
    wait_for(lambda: reasons() == {own: "tcp.refused", later: refused}, "the new file and the new address", 10)


def refuses(argv, path, text, *words):
    """The program started with TEXT as its configuration has to end with an error that contains all WORDS."""
    write(path, text, 0o600)
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=5)
    except subprocess.TimeoutExpired:
        raise Failure(f"started in spite of: {text}") from None
    check(done.returncode not in (0, 77) and done.returncode > 0, f"exit code {done.returncode} for: {text}")
    for word in words:
        check(word in done.stderr, f"no {word!r} in what is said about {text!r}: {done.stderr}")


def test_bad_configuration(lab):
    """A wrong configuration stops the start and names file:line, the key and what is accepted."""
    path, state = lab.file("wrong.yml"), lab.file("state")
    base = f"state_dir: {state}\n"
    argv = [os.path.join(BUILD, "quorate-coordinator"), "-c", path]
    for text, line, words in (
        (base + 'stor: "memory:"\n', 2, ("stor", "store")),
        (base + "store: postgres://x\n", 2, ("store", "sqlite:", "memory:")),
        (base + "api: {listen: 0.0.0.0:7443}\n", 2, ("api.listen", "127.0.0.1")),
        (base + "link:\n  report: tcp://192.0.2.1:7444\n", 3, ("link.report", "loopback")),
        (base + "link:\n  report: ws://127.0.0.1:7444\n", 3, ("link.report",)),
        (base + "log_level: loud\n", 2, ("log_level", "info")),
        (base + "retention_days: many\n", 2, ("retention_days",)),
        (base + "channels:\n  - name: ops\n    webhook: ftp://x/\n", 4, ("webhook", "http")),
        (base + "channels:\n  - name: ops\n", 3, ("webhook",)),
        (base + "log_level: info\nlog_level: info\n", 3, ("log_level",)),
        (base + "store: [\n", 3, ()),
        (base + "\tstore: x\n", 2, ()),
    ):
        refuses(argv, path, text, f"{path}:{line}", *words)
    argv = [os.path.join(BUILD, "quorate-probe"), "-c", path]
    token = write(lab.file("token"), lab.secret("qpt_" + "a" * 44) + "\n", 0o600)
    base = f"name: a-1\ntoken_file: {token}\nstate_dir: {state}\n"
    for text, line, words in (
        (base + "alow: [127.0.0.0/8]\n", 4, ("alow", "allow")),
        (base + "allow: [127.0.0.1/8]\n", 4, ("allow",)),
        (base + "allow: [300.0.0.0/8]\n", 4, ("allow",)),
        (base + "min_interval: 5\n", 4, ("min_interval", "5s")),
        (base + "types: [smtp]\n", 4, ("types", "http")),
        (base + "link: {report: tcp://10.0.0.1:1}\n", 4, ("link.report",)),
        ("state_dir: /tmp\n", 1, ("name",)),
    ):
        refuses(argv, path, text, f"{path}:{line}", *words)
    os.chmod(token, 0o644)
    refuses(argv, path, base, token)
    check(not os.path.exists(state + "/admin.key"), "nothing was made")


def test_apply(lab):
    """`quorate apply --dry-run` shows the difference and changes nothing, apply makes it, a second one changes nothing."""
    coordinator = lab.coordinator().start()
    lab.regions(coordinator)
    path = lab.file("monitors.yml")
    write(path, """# what we watch
defaults: {interval: 60s, timeout: 10s, quorum: {seats: 3, down: majority}}
monitors:
  - name: shop front
    external_id: acme-shop-1
    http: https://shop.example.com/
    service: shop
    labels: {tier: gold}
    memo: "Runbook: https://wiki.example.com/shop"
    expect:
      status: [2xx]
      follow: 5
      body_contains: "Add to cart"
      response_time: {warning: 800ms, critical: 3s}
      certificate_days: {warning: 21, critical: 7}
  - name: old entrance
    redirect: http://example.com/
    expect:
      hops: [{status: 301, location: "https://example.com/"}]
      final_status: 200
  - name: database is not public
    tcp: db.example.com:5432
    expect: {port: closed}
  - name: edge router
    ping: edge.example.net
    expect: {loss: {warning: 20%, critical: 60%}, rtt: {warning: 150ms}}
""")
    names = {"shop front", "old entrance", "database is not public", "edge router"}
    dry = lab.cli(coordinator, "apply", "-f", path, "--dry-run")
    equal(dry.returncode, 0, f"dry run: {dry.stderr}")
    for name in names:
        check(name in dry.stdout, f"{name!r} in the dry run: {dry.stdout}")
    equal(coordinator.api.items("/api/v1/monitors"), [], "monitors after the dry run")
    done = lab.cli(coordinator, "apply", "-f", path)
    equal(done.returncode, 0, f"apply: {done.stderr}")
    made = {m["name"]: m for m in coordinator.api.items("/api/v1/monitors")}
    equal(set(made), names, "monitors after apply")
    again = lab.cli(coordinator, "apply", "-f", path)
    equal(again.returncode, 0, f"again: {again.stderr}")
    equal({m["name"]: m["revision"] for m in coordinator.api.items("/api/v1/monitors")}, {n: m["revision"] for n, m in made.items()}, "revisions")
    write(path, read(path).replace("name: shop front", "name: shop window").replace("800ms", "700ms"))
    equal(lab.cli(coordinator, "apply", "-f", path).returncode, 0, "a rename")
    renamed = {m["name"]: m for m in coordinator.api.items("/api/v1/monitors")}
    equal(renamed["shop window"]["id"], made["shop front"]["id"], "a rename with external_id keeps the identity")
    # one wrong line: nothing of the file is applied
    write(path, read(path).replace("interval: 60s", "interval: 30s").replace("port: closed", "prot: closed"))
    wrong = lab.cli(coordinator, "apply", "-f", path)
    check(wrong.returncode in (1, 2), f"exit code {wrong.returncode}")
    line = next(i for i, text in enumerate(read(path).splitlines(), 1) if "prot" in text)
    check(re.search(rf"monitors\.yml:{line}:\d+: .*prot.*port", wrong.stderr), f"file, line, column, key, what is accepted: {wrong.stderr}")
    equal({m["interval"] for m in coordinator.api.items("/api/v1/monitors?effective=true")}, {"1m"}, "intervals")


def test_readme(lab):
    """The monitors.yml of the coordinator's page applies as it stands."""
    text = read(os.path.join(ROOT, "coordinator/README.md"))
    blocks = [b for b in re.findall(r"```ya?ml\n(.*?)```", text, re.S) if re.search(r"^monitors:", b, re.M)]
    check(blocks, "the page shows a monitors.yml")
    coordinator = lab.coordinator().start()
    lab.regions(coordinator)
    for number, block in enumerate(blocks):
        path = write(lab.file(f"readme-{number}.yml"), block)
        for name in set(re.findall(r"regions: *\[?\"?([a-z0-9-]+)", block)) - set(r["name"] for r in coordinator.api.items("/api/v1/regions")):
            coordinator.api.must("POST", "/api/v1/regions", {"name": name})
        done = lab.cli(coordinator, "apply", "-f", path)
        equal(done.returncode, 0, f"apply of the page's file: {done.stderr}")
    check(coordinator.api.items("/api/v1/monitors"), "monitors")


def test_readme_first_steps(lab):
    """The page's first steps, pasted into a shell as they stand: every command of them succeeds."""
    Network(lab)  # the default ports are free in a namespace of our own
    subprocess.run(["ip", "route", "add", "default", "dev", "lo"], check=True)  # a machine without one has no network to check
    block = re.search(r"## First steps by hand.*?```sh\n(.*?)```", read(os.path.join(ROOT, "coordinator/README.md")), re.S).group(1)
    os.makedirs(lab.file("empty"))
    script = "trap 'kill $(jobs -p); wait' EXIT\n" + block
    env = {**lab.env, "PATH": f"{BUILD}:{lab.env['PATH']}"}
    del env["RUNTIME_DIRECTORY"]  # a user's shell has none
    done = subprocess.run(["bash", "-e", "-c", script], env=env, cwd=lab.file("empty"), capture_output=True, text=True, timeout=30)
    equal(done.returncode, 0, f"the first steps: {done.stdout}{done.stderr}")
    for probe in ("tokyo-1", "frankfurt-1", "virginia-1"):
        check(re.search(rf"^{probe} +\w+ +all +(voting|never-seen) ", done.stdout, re.M), f"{probe} is listed: {done.stdout}")
    check(re.search("^example +pending ", done.stdout, re.M), f"the monitor is listed: {done.stdout}")
    check("pending, since" in done.stdout, f"the monitor is explained: {done.stdout}")


def test_cli(lab):
    """The command line against a live system: add, list, show, explain, status, follow, delete; exit codes."""
    site = Site(lab)
    coordinator = lab.coordinator().start()

    def run(*argv, code=0):
        done = lab.cli(coordinator, *argv)
        equal(done.returncode, code, f"quorate {' '.join(argv)}: {done.stdout}{done.stderr}")
        return done

    lab.trio(coordinator)
    run("region", "add", "sa-east-1")
    check("sa-east-1" in run("region", "list").stdout, "the region is listed")
    token = run("probe", "add", "sao-paulo-1", "--region", "sa-east-1").stdout
    check("qpt_" in token, "the token is shown once")
    check("qpt_" not in run("probe", "list").stdout, "and never again")
    run("monitor", "add", "--name", "shop", "--http", site.url, "--interval", "1s", "--timeout", "1s")
    monitors = json.loads(run("monitor", "list", "-o", "json").stdout)
    items = monitors["items"] if isinstance(monitors, dict) else monitors
    equal([m["name"] for m in items], ["shop"], "monitor list as JSON")
    lab.wait_state(coordinator, items[0]["id"], "up")
    check("shop" in run("monitor", "list").stdout and "interval" in run("monitor", "show", "shop", "--effective").stdout, "list and show")
    explained = run("explain", "shop").stdout
    for word in ("tokyo-1", "frankfurt-1", "virginia-1", "up", "counted"):
        check(word in explained, f"{word!r} in: {explained}")
    run("status")
    run("status", "--exit-code")
    lab.wait_settled(coordinator)
    site.down()
    wait_for(lambda: coordinator.alerts(kind="down"), "the alert", 20)
    run("status", "--exit-code", code=3)
    case = coordinator.alerts()[0]["case"]
    check(case in run("alert", "list").stdout, "the case is listed")
    shown = run("alert", "show", case).stdout
    check("tcp.refused" in shown and "tokyo-1" in shown, f"evidence: {shown}")
    run("monitor", "delete", "shop")
    equal(coordinator.api.items("/api/v1/monitors"), [], "monitors after the deletion")
    for argv, words in ((("monitr", "list"), "monitor"), (("monitor", "show", "nobody"), "nobody"), (("monitor", "add", "--name", "x", "--http", "ftp://x"), "http")):
        done = lab.cli(coordinator, *argv)
        check(done.returncode in (1, 2) and words in done.stderr, f"quorate {' '.join(argv)}: {done.returncode} {done.stderr}")
    coordinator.stop()
    done = lab.cli(coordinator, "status")
    check(done.returncode in (1, 2) and str(coordinator.port) in done.stderr, f"without a coordinator: {done.returncode} {done.stderr}")


for test, seconds in ((test_sigterm, 8), (test_reconnect, 15), (test_sighup, 30), (test_cli, 30), (test_bad_configuration, 8)):
    test.seconds = seconds
