"""A notebook's front end: starts a kernel of this interpreter and runs the cells that come in, one JSON string a line.

Says the kernel's PID first. A cell that begins with "#later" is started only; of others "ran" is said when they have ended.
"""

import json
import os
import sys

from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60)
client.execute_interactive("import os; print(os.getpid())", store_history=False, timeout=60,
                           output_hook=lambda m: m["msg_type"] == "stream" and print(m["content"]["text"].strip(), flush=True))  # fmt: skip
for line in sys.stdin:
    cell = json.loads(line)
    if cell.startswith("#later"):
        client.execute(cell)
    else:
        reply = client.execute_interactive(cell, timeout=60, output_hook=lambda m: None)
        print("ran", reply["content"]["execution_count"], flush=True)
manager.shutdown_kernel(now=True)
# SPDX-License-Identifier: MIT
