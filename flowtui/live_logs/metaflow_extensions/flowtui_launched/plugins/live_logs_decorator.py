"""The step decorator `live_logs`: the log of a local attempt grows while the attempt runs."""

import os
import sys

from metaflow._vendor import click
from metaflow.decorators import StepDecorator

MAX_LOG_MEGABYTES = 10
"""What Metaflow's runtime stores of a stream unless it is told otherwise (`--max-log-size`)."""

TEE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tee.py")


class LiveLogsDecorator(StepDecorator):
    """
    Writes the output of the step's tasks into their logs while they run.

    Metaflow stores the log of a task that runs on this machine once, when the task has ended. With
    this decorator its lines are stored as they are printed. It takes effect where the datastore is
    local; elsewhere Metaflow stores the logs of running tasks itself, and it changes nothing.
    """

    name = "live_logs"

    def step_init(self, flow, graph, step, decos, environment, flow_datastore, logger):
        self._flow_name = flow.name
        self._datastore = flow_datastore

    def runtime_step_cli(self, cli_args, retry_count, max_user_code_retries, ubf_context):
        # Any other command is one that runs the step elsewhere, or beside a run (`spin`).
        if self._datastore.TYPE != "local" or cli_args.commands != ["step"]:
            return
        options = cli_args.command_options
        log_prefix = os.path.join(
            os.path.abspath(self._datastore.datastore_root),
            self._flow_name,
            str(options["run-id"]),
            cli_args.command_args[0],
            str(options["task-id"]),
            str(retry_count),
        )
        interpreter, rest = cli_args.entrypoint[0], cli_args.entrypoint[1:]
        if interpreter == sys.executable:
            # A decorator that comes later may put another Python in the first place (@conda does):
            # the tee then runs with that one, and so does the task.
            tee, interpreter = [interpreter], "-"
        else:
            tee = [sys.executable]
        # Isolated and without `site` Python starts in two thirds of the time; one that needs to be
        # told where its library is must not be isolated.
        tee += ["-S"] if "PYTHONHOME" in os.environ else ["-I", "-S"]
        tee += [TEE, log_prefix, str(_max_log_size()), interpreter]
        cli_args.entrypoint = tee + rest


def _max_log_size():
    """Bytes of a stream that the runtime stores: its option `--max-log-size`, in megabytes."""
    context = click.get_current_context(silent=True)
    megabytes = context.params.get("max_log_size") if context else None
    return (MAX_LOG_MEGABYTES if megabytes is None else megabytes) * 1024 * 1024
