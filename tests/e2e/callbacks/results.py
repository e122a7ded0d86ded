# SPDX-License-Identifier: MIT
"""What each task gave, as a list in JSON: ansible-core alone has no such output, and this is all that the tests need of one."""
import json

from ansible.parsing.ajson import AnsibleJSONEncoder
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: results
type: stdout
short_description: results of a play's tasks as JSON
description: One list, in the order of the tasks.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "results"

    def __init__(self):
        super().__init__()
        self.results = []

    def take(self, result, **_):
        self.results.append(result._result)

    def take_failed(self, result, **_):
        self.results.append({**result._result, "failed": True})

    v2_runner_on_ok = v2_runner_on_skipped = take
    v2_runner_on_failed = v2_runner_on_unreachable = take_failed

    def v2_playbook_on_stats(self, stats):
        self._display.display(json.dumps(self.results, cls=AnsibleJSONEncoder))
