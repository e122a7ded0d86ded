# SPDX-License-Identifier: MIT
"""dns checks of real name servers: nsd with a signed zone, unbound that validates and caches it; and names that lead elsewhere."""
import os
import subprocess

from lab import BUILD, PEERS, Child, Failure, check, equal, free_port, wait_for, write
from peers import Receiver
from test_check import PROGRAM, Checks

ZONE = f"""$ORIGIN probe.test.
$TTL 300
@ SOA ns hostmaster 2026112201 3600 600 86400 60
@ NS ns
ns A 192.0.2.53
@ MX 10 mail
@ MX 20 mail.backup.example.
@ TXT "v=spf1 mx " "-all"
@ CAA 0 issue "ca.example"
www A 192.0.2.1
www A 192.0.2.2
www AAAA 2001:db8::1
short 5 A 192.0.2.5
alias CNAME www
one CNAME two
two CNAME one
_https._tcp SRV 0 5 443 www
{"".join(f'big TXT "{i:03} {"x" * 200}"' + chr(10) for i in range(40))}
$ORIGIN 2.0.192.in-addr.arpa.
"""
REVERSE = "$ORIGIN 2.0.192.in-addr.arpa.\n$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns.probe.test.\n1 PTR www.probe.test.\n"


def run(folder, *words):
    done = subprocess.run([os.path.join(PEERS, words[0]), *words[1:]], cwd=folder, capture_output=True, text=True, timeout=30)
    if done.returncode != 0:
        raise Failure(f"{' '.join(words)}: {done.stderr}")
    return done.stdout.strip()


def name_servers(lab):
    """The ports of nsd, whose zone is signed, and of unbound, which asks it; and nsd itself."""
    folder, authority, resolver = lab.file("dns"), free_port(), free_port()
    os.makedirs(folder, exist_ok=True)
    write(os.path.join(folder, "zone"), ZONE.partition("$ORIGIN 2.0")[0])
    write(os.path.join(folder, "reverse"), REVERSE)
    key = run(folder, "ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "probe.test")
    run(folder, "ldns-signzone", "-f", "zone.signed", "zone", key)
    nsd = write(os.path.join(folder, "nsd.conf"), f"""server:
  ip-address: 127.0.0.1@{authority}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  cookie-secret-file: ""
remote-control:
  control-enable: no
zone:
  name: "probe.test"
  zonefile: "zone.signed"
zone:
  name: "2.0.192.in-addr.arpa"
  zonefile: "reverse"
""")
    unbound = write(os.path.join(folder, "unbound.conf"), f"""server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  interface: 127.0.0.1@{resolver}
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor-file: "{folder}/{key}.key"
  local-zone: "test." transparent
  local-zone: "2.0.192.in-addr.arpa." transparent
  local-zone: "refused.example." always_refuse
  local-zone: "gone.example." always_nxdomain
  access-control: 127.0.0.0/8 allow
stub-zone:
  name: "probe.test"
  stub-addr: 127.0.0.1@{authority}
stub-zone:
  name: "2.0.192.in-addr.arpa"
  stub-addr: 127.0.0.1@{authority}
remote-control:
  control-enable: no
""")
    authority_program = Child(lab, "nsd", [os.path.join(PEERS, "nsd"), "-d", "-c", nsd]).start()
    Child(lab, "unbound", [os.path.join(PEERS, "unbound"), "-d", "-c", unbound]).start()
    return authority, resolver, authority_program


def is_up(c, port):
    return subprocess.run([PROGRAM, "check", "-c", c.conf, "dns", "www.probe.test", "--server", f"127.0.0.1:{port}", "--timeout", "1s"],
                          env=c.env, capture_output=True, timeout=10).returncode == 0


def test_dns_servers(lab):
    """Every kind of record, expectations met and not, TCP after truncation, aliases, authority, DNSSEC, failures: nsd and unbound."""
    authority, resolver, _ = name_servers(lab)
    c = Checks(lab, allow=["127.0.0.0/8"])

    def look(name, *words, server, status=0):
        r, = c.result("dns", name, "--server", f"127.0.0.1:{server}", "--timeout", "5s", *words, status=status)
        return r

    for server in authority, resolver:
        wait_for(lambda: is_up(c, server), f"the name server on port {server}")
    for record, name, answers in (
        ("A", "www.probe.test", {"192.0.2.1", "192.0.2.2"}),
        ("A", "alias.probe.test", {"192.0.2.1", "192.0.2.2"}),
        ("AAAA", "WWW.probe.test.", {"2001:db8::1"}),
        ("CNAME", "alias.probe.test", {"www.probe.test"}),
        ("MX", "probe.test", {"10 mail.probe.test", "20 mail.backup.example"}),
        ("NS", "probe.test", {"ns.probe.test"}),
        ("TXT", "probe.test", {"v=spf1 mx -all"}),
        ("SOA", "probe.test", {"ns.probe.test hostmaster.probe.test 2026112201 3600 600 86400 60"}),
        ("SRV", "_https._tcp.probe.test", {"0 5 443 www.probe.test"}),
        ("CAA", "probe.test", {'0 issue "ca.example"'}),
        ("PTR", "192.0.2.1", {"www.probe.test"}),
    ):
        for server in authority, resolver:
            r = look(name, "--record", record, server=server)
            equal(set(r["dns"]["answers"]), answers, f"{record} of {name}")
            equal(r["dns"]["rcode"], "NOERROR", "response code")
            equal(r["address"], f"127.0.0.1:{server}", "address")
            equal("aa" in r["dns"]["flags"], server == authority, f"authority in {r['dns']}")
    key, = look("probe.test", "--record", "DNSKEY", server=authority)["dns"]["answers"]
    check(key.startswith("257 3 13 ") and key.endswith("=="), f"key {key}")
    big = look("big.probe.test", "--record", "TXT", server=authority)
    equal((big["dns"]["transport"], big["dns"]["answer_count"], len(big["dns"]["answers"])), ("tcp", 40, 16), "a large answer")
    equal(look("www.probe.test", "--transport", "tcp", server=resolver)["dns"]["transport"], "tcp", "transport")

    for words, server, status, reason in (
        (("www.probe.test", "--answers-exactly", "192.0.2.2", "--answers-exactly", "192.0.2.1"), authority, 0, "ok"),
        (("www.probe.test", "--answers-exactly", "192.0.2.1"), authority, 2, "dns.answer"),
        (("www.probe.test", "--answers-all", "192.0.2.9"), authority, 2, "dns.answer"),
        (("www.probe.test", "--answers-any", "192.0.2.9", "--answers-any", "/^192/"), authority, 0, "ok"),
        (("probe.test", "--record", "MX", "--answers-none", "/backup/"), authority, 2, "dns.answer"),
        (("probe.test", "--record", "MX", "--answers-all", "10 MAIL.Probe.Test."), resolver, 0, "ok"),
        (("www.probe.test", "--authoritative"), authority, 0, "ok"),
        (("www.probe.test", "--authoritative"), resolver, 2, "dns.not_authoritative"),
        (("www.probe.test", "--authenticated"), resolver, 0, "ok"),
        (("www.probe.test", "--authenticated"), authority, 2, "dns.not_authenticated"),
        (("short.probe.test", "--ttl-min", "1m"), authority, 2, "dns.ttl"),
        (("www.probe.test", "--ttl-min", "1m", "--ttl-max", "5m"), authority, 0, "ok"),
        (("nobody.probe.test",), authority, 2, "dns.nxdomain"),
        (("nobody.probe.test", "--rcode", "NXDOMAIN"), resolver, 0, "ok"),
        (("www.probe.test", "--rcode", "NXDOMAIN"), resolver, 2, "dns.rcode"),
        (("www.probe.test", "--record", "MX"), resolver, 2, "dns.no_record"),
        (("www.probe.test", "--record", "MX", "--rcode", "NODATA"), resolver, 0, "ok"),
        (("elsewhere.example",), authority, 2, "dns.refused"),
        (("refused.example",), resolver, 2, "dns.refused"),
        (("gone.example",), resolver, 2, "dns.nxdomain"),
        (("one.probe.test",), resolver, 2, "dns.servfail"),
        (("www.probe.test", "--response-time-warning", "1ms"), authority, None, None),
        (("www.probe.test",), free_port(), 2, "dns.unreachable"),
    ):
        if reason:
            equal(look(*words, server=server, status=status)["reason"], reason, f"reason of {' '.join(words)}")

    out = c.run("dns", "probe.test", "--record", "MX", "--server", f"127.0.0.1:{authority}", status=0).stdout
    for part in ("UP           dns probe.test", "NOERROR over udp, flags aa rd", "records      10 mail.probe.test", "TTL          300 s"):
        check(part in out, f"{part!r} is not in\n{out}")
    values = c.plugin("dns", "www.probe.test", "--server", f"127.0.0.1:{authority}", "--response-time-warning", "2s", status=0)
    equal(values["time"][1:3], ("s", "2.000000"), "the plugin's time")


test_dns_servers.seconds = 6


def test_dns_path(lab):
    """A dns monitor from its registration to its alert: voted on by three probes, its reason with class, Japanese and metric, its facts."""
    authority, _, nsd = name_servers(lab)
    receiver = Receiver(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    lab.trio(coordinator)
    c = Checks(lab, allow=["127.0.0.0/8"])
    wait_for(lambda: is_up(c, authority), "nsd")
    request = {"server": f"127.0.0.1:{authority}", "record": "MX"}
    monitor = lab.monitor(coordinator, "mail", "dns", "probe.test", request=request, expect={"answers": {"any": ["/mail/"]}, "authoritative": True})
    lab.wait_state(coordinator, monitor, "up")
    equal({v["region"] for v in coordinator.explain(monitor)["votes"]}, {"ap-northeast-1", "eu-central-1", "us-east-1"}, "regions that vote")
    nsd.kill()
    alert = receiver.wait("the alert", 20, type="alert.opened").alert
    equal((alert["kind"], alert["monitor"]["type"], alert["monitor"]["target"]), ("down", "dns", "probe.test"), "the alert")
    equal((alert["reason"]["code"], alert["reason"]["class"], alert["reason"]["ja"]),
          ("dns.unreachable", "down", "ネームサーバーに到達できません"), "its reason")
    equal(alert["observed"]["address"], f"127.0.0.1:{authority}", "what was observed")
    metrics = coordinator.api.get("/metrics").body.decode()
    check('quorate_check_reason{monitor="mail"' in metrics and 'reason="dns.unreachable",class="down"} 1' in metrics, f"no reason in\n{metrics}")
    check('probe_dns_query_succeeded{monitor="mail"' in metrics, f"no blackbox name in\n{metrics}")
    nsd.start()
    receiver.wait("the close", 20, type="alert.closed")


test_dns_path.seconds = 20


def test_dns_words(lab):
    """What is wrong with a dns check is said: targets, records, answers, servers that may not be asked."""
    c = Checks(lab, allow=["127.0.0.0/8"])
    for words, part in (
        (("http://example.com/",), "is no name in the DNS; accepted: a name to look up"),
        (("192.0.2.1",), "is an address, which only a PTR record belongs to"),
        (("example.com", "--record", "mx"), "accepted: A, AAAA, CNAME, MX"),
        (("example.com", "--record", "MX", "--answers-all", "mail.example.com"), "is no MX record; accepted: for example 10 mail"),
        (("example.com", "--answers-any", "/(/"), "is no regular expression"),
        (("example.com", "--rcode", "nxdomain"), "one or more of NOERROR, NODATA, NXDOMAIN"),
        (("example.com", "--rcode", "NXDOMAIN", "--answers-all", "192.0.2.1"), "only there with the response code NOERROR"),
        (("example.com", "--server", "a b"), "host, host:port or [IPv6 address]:port of a name server"),
        (("example.com", "--ttl-min", "2h", "--ttl-max", "1h"), "2h is longer than max (1h)"),
        (("example.com", "--packets", "3"), "not an option of type dns"),
    ):
        done = c.run("dns", *words, status=3)
        check(part in done.stderr, f"{part!r} is not in {done.stderr!r}")
    r, = c.result("dns", "example.com", "--server", "10.9.8.7", status=3)
    equal(r["reason"], "internal.policy", "a private name server")
    closed = write(lab.file("closed.yml"), '{"state_dir": "%s", "types": ["ping"]}' % lab.dir)
    check("runs no checks of type dns" in c.run("dns", "example.com", status=3, conf=closed).stdout, "the local file's types")


test_dns_words.seconds = 1


def test_rebinding_long(lab):
    """10,000 checks of names that lead elsewhere the next time: none reaches the forbidden listeners (tests/unit/rebinding_test.c)."""
    builds = [os.path.join(folder, "tests", "unit", "rebinding_test") for folder in (BUILD, os.path.join("build", "address"))]
    program = next((os.path.abspath(p) for p in builds if os.path.exists(p)), None)
    check(program, f"none of {builds} is built: make SANITIZE=address test-programs")
    done = subprocess.run([program], env={**lab.env, "TRIES": "10000"}, capture_output=True, text=True, timeout=900)
    check(done.returncode == 0 and "10000 tries: 0 reached the forbidden listeners" in done.stdout, done.stdout + done.stderr)


test_rebinding_long.long = 900
test_rebinding_long.seconds = 60
