# SPDX-License-Identifier: MIT
"""Our verdicts and those of check_http, check_tcp, check_icmp, curl, openssl and dig."""
import concurrent.futures
import json
import os
import subprocess

import agree
from lab import Skip, check, equal, free_port, write
from peers import Nginx
from test_hostile import NAMESPACES, Hostile

PAGES = """
    gzip on; gzip_min_length 100;
    location = /200 { return 200 "a shop"; }
    location = /large { root %(folder)s; default_type text/html; }
    location = /get { limit_except GET { deny all; } return 200; }
    location = /post { return 200 "posted"; }
    location = /key { if ($http_x_key != "open") { return 403; } return 200 "in"; }
    location = /private { auth_basic "private"; auth_basic_user_file %(folder)s/users; root %(folder)s; }
    location = /slow { limit_rate 8000; gzip off; root %(folder)s; }
    location = /loop { return 302 /loop; }
    location = /hops/1 { return 302 /200; }
    location ~ ^/to/(\\d\\d\\d)$ { return 302 /$1; }
    location = /to/gopher { return 302 gopher://127.0.0.1:%(port)s/; }
    location = /to/file { return 302 file:///etc/passwd; }
    location = /to/refused { return 302 http://127.0.0.1:1/; }
"""


def site(lab):
    """nginx with a page for each row that wants one: (port, port of IPv6)."""
    port, port6, folder = free_port(), free_port(), lab.file("pages")
    os.makedirs(folder)
    os.chmod(lab.dir, 0o711)
    write(folder + "/large", "a line of a large page\n" * 20000)
    write(folder + "/slow", "slow" * 2500)
    write(folder + "/private", "private")
    write(folder + "/users", "user:" + subprocess.run(["openssl", "passwd", "-apr1", "secret"], capture_output=True, text=True).stdout)
    codes = "".join(f"    location = /{c} {{ return {c}; }}\n" for c in (204, 400, 401, 403, 404, 405, 410, 418, 429, 500, 501, 502, 503, 504))
    codes += "".join(f"    location = /{c} {{ return {c} /200; }}\n" for c in (301, 302, 307, 308))
    hops = "".join(f"    location = /hops/{i} {{ return 302 /hops/{i - 1}; }}\n" for i in range(2, 8))
    body = PAGES % {"folder": folder, "port": port} + codes + hops
    Nginx(lab, "nginx", [f"  server {{\n    listen 127.0.0.1:{port};\n    listen [::1]:{port6};\n{body}  }}\n"]).start(("127.0.0.1", port), ("::1", port6))
    return port, port6


def theirs(row):
    try:
        return row.verdict(subprocess.run(row.argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=20))
    except subprocess.TimeoutExpired:
        return "no end in 20 s"


def disagreements(rows, ours, others):
    """Row -> what is wrong: an unexplained disagreement, or an explained one that is none any more."""
    found = {}
    for row, our, other in zip(rows, ours, others):
        we = our["verdict"].replace("none", "unknown")
        if we != other and not row.why:
            found[row] = f"{row.name}: we say {we} ({our['reason']}: {our.get('detail')}), they say {other}"
        if we == other and row.why:
            found[row] = f"{row.name}: both say {other}, but were to differ, since {row.why}"
    return found


def see_it_fail():
    """What disagreements() finds in a table that is wrong on purpose."""
    rows = [agree.Row("tool", str(i), {}, [], why) for i, why in enumerate((None, "a reason", None, "a reason"))]
    ours = [{"verdict": v, "reason": "x"} for v in ("up", "up", "down", "down")]
    equal([row.name for row in disagreements(rows, ours, ["up"] * 4)], ["tool: 1", "tool: 2"], "disagreements")


def look(h, rows, at_once):
    """Both sides' verdicts of ROWS, and what is wrong with them."""
    with concurrent.futures.ThreadPoolExecutor(min(8, at_once)) as pool:
        others = pool.map(theirs, rows)
        process, results = h.check([{**r.monitor, "name": r.name} for r in rows], at_once, allow=["127.0.0.0/8", "::1", "10.77.0.0/16", "10.78.0.0/16"])
        found = {r["name"]: r for r in results}
        process.wait(10)
        equal(process.stderr.read(), "", "standard error")
        return disagreements(rows, [found[r.name] for r in rows], list(others))


def test_agree(lab):
    """At least 100 verdicts beside independent tools on the same targets; whatever differs is explained, and whatever is explained still differs."""
    if not NAMESPACES:
        raise Skip("needs network namespaces (root, or unprivileged user namespaces)")
    see_it_fail()
    h = Hostile(lab)
    h.first = []
    h.env.pop("http_proxy"), h.env.pop("https_proxy")
    h.pinged.firewall("ip saddr 10.77.1.2 tcp sport 1-65535 drop")  # what came in is answered by nobody
    rows = agree.Table(h.ports, *site(lab), h.env["SSL_CERT_FILE"]).rows
    check(len(rows) >= 100 and len({r.name for r in rows}) == len(rows), f"{len(rows)} rows")
    wrong = look(h, rows, 30)
    if wrong:  # a second look, when less is going on: two seconds may be too short for either
        print("    looked at again: " + "; ".join(wrong.values()))
        wrong = look(h, list(wrong), 1)
    print(f"    {len(rows)} verdicts, {sum(not r.why for r in rows)} agree, {sum(bool(r.why) for r in rows)} differ as explained")
    check(not wrong, "\n      ".join(wrong.values()))


test_agree.seconds = 12
