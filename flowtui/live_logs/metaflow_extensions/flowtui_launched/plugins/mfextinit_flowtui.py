"""What flowtui adds to Metaflow: the step decorator `live_logs`."""

STEP_DECORATORS_DESC = [("live_logs", ".live_logs_decorator.LiveLogsDecorator")]
