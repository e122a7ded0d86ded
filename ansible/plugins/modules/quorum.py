#!/usr/bin/python
# SPDX-License-Identifier: MIT
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: quorum
short_description: Waits until enough voters vote on every monitor
version_added: 1.0.0
description:
  - Waits until on every monitor at least as many seats vote as a DOWN verdict needs, and until the coordinator is past the
    time in which it only listens after its start.
  - Paused monitors do not count. It changes nothing.
author:
  - the quorate authors
options:
  wait:
    description:
      - How many seconds to wait. With C(0) it only looks.
    type: int
    default: 120
  excuse:
    description:
      - Names of monitors that are not waited for.
    type: list
    elements: str
    default: []
  fail:
    description:
      - Whether it is an error when the time is over and votes are still missing.
    type: bool
    default: true
extends_documentation_fragment:
  - quorate.quorate.coordinator
attributes: {}
notes:
  - Supports check mode.
"""

EXAMPLES = r"""
- name: See which monitors lack votes now
  quorate.quorate.quorum:
    wait: 0
    fail: false
  register: before

- name: Wait until all others have their votes again
  quorate.quorate.quorum:
    excuse: "{{ before.short }}"
"""

RETURN = r"""
monitors:
  description: How many monitors were looked at.
  returned: success
  type: int
short:
  description: Names of those that lack votes.
  returned: success
  type: list
  elements: str
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quorate.quorate.plugins.module_utils.client import ApiError, Client, argument_spec, path_of

NAMED_MAX = 5


def lacks(explanation):
    """What a monitor lacks, as words; None when it has enough."""
    rule, tally = explanation["rule"], explanation["tally"]
    voting = rule["seats"] - tally["absent"] - tally["split"]
    if voting >= rule["down"]:
        return None
    return "%s (%d of %d seats vote, %d are needed)" % (explanation["monitor"]["name"], voting, rule["seats"], rule["down"])


def look(client, excused):
    """(how many monitors, name -> what it lacks, whether the coordinator only listens)."""
    monitors = [m for m in client.items("/monitors?limit=500") if m.get("enabled", True) and m["name"] not in excused]
    short = {}
    for m in monitors:
        explanation = client.find(path_of("monitors", m["id"]) + "/explain")  # None: removed meanwhile
        lack = lacks(explanation) if explanation else None
        if lack:
            short[m["name"]] = lack
    return len(monitors), short, bool(client.call("GET", "/status")["hold"])


def patiently(client, params):
    """As look(), until nothing is short or `wait` seconds are over. A coordinator that restarts is waited for, too."""
    deadline = time.monotonic() + params["wait"]
    while True:
        try:
            n, short, hold = look(client, set(params["excuse"]))
            if not short and not hold:
                return n, short, hold
        except ApiError as e:
            if e.status or time.monotonic() >= deadline:
                raise
            time.sleep(0.5)
            continue
        if time.monotonic() >= deadline:
            return n, short, hold
        time.sleep(0.5)


def words(params, short, hold):
    named = sorted(short.values())[:NAMED_MAX]
    more = ", and %d more" % (len(short) - NAMED_MAX) if len(short) > NAMED_MAX else ""
    if not short and hold:
        return "the coordinator still only listens, %d s after its start was waited for" % params["wait"]
    return "votes are missing after %d s: %s%s. 'quorate explain NAME' shows whose" % (params["wait"], ", ".join(named), more)


def main():
    spec = argument_spec(
        wait=dict(type="int", default=120),
        excuse=dict(type="list", elements="str", default=[]),
        fail=dict(type="bool", default=True),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        n, short, hold = patiently(Client(module.params), module.params)
    except ApiError as e:
        module.fail_json(msg=str(e))
    result = dict(changed=False, monitors=n, short=sorted(short), hold=hold)
    if (short or hold) and module.params["fail"]:
        module.fail_json(msg=words(module.params, short, hold), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
