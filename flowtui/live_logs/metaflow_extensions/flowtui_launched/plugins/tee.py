"""Runs a Metaflow task and writes its lines into the attempt's log files as they come.

    python tee.py LOG_PREFIX MAX_LOG_SIZE INTERPRETER ARGUMENT...

`LOG_PREFIX` is `<root>/<flow>/<run>/<step>/<task>/<attempt>`, absolute; the lines are appended to
`LOG_PREFIX.task_stdout.log` and `LOG_PREFIX.task_stderr.log`, the files in which Metaflow keeps
what a task has stored itself. `MAX_LOG_SIZE`, in bytes, is what Metaflow's runtime would store of a
stream at most. `INTERPRETER` is `-` for the Python that runs this.

Each line that is in the file is passed on with its mflog header: `Worker.emit_log` of Metaflow's
runtime shows such a line and does not store it again. What cannot be written is passed on as it is,
and the runtime stores it at the end, as it does without this program.

A line that is not complete for a while is in the file as far as it has come, and goes on there; it
is passed on when it is complete.

It runs once per attempt, so that only what starts fast is imported; and it runs under the Pythons
of flows: 3.8 and later, without any package.
"""

import os
import sys

# What is imported is kept compiled, a script is not.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from tee_relay import main

if __name__ == "__main__":
    main(sys.argv[1:])
