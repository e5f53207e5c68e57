"""Forecasts tomorrow's electricity demand of six cities; runs half a minute, and then fails.

An ordinary Metaflow flow, made to show what a monitor has to show: one city succeeds on its second
attempt, one fails all its attempts and is caught, one is slow, and the grid operator refuses the
forecast until the run is resumed.
"""

import logging
import math
import os
import sys
import time

from metaflow import FlowSpec, catch, current, retry, step

PACE = float(os.environ.get("FLOWTUI_DEMO_PACE", "1"))

log = logging.getLogger("forecast")
logging.basicConfig(
    stream=sys.stderr, level=logging.INFO, format="%(levelname)-7s %(name)s: %(message)s"
)


PEAKS = {
    "Helsinki": 1240,
    "Lisbon": 1510,
    "Athens": 1870,
    "Reykjavik": 310,
    "Vienna": 1690,
    "Oslo": 1120,
}


class NoReadingsError(Exception):
    """There is nothing to train on; trying again does not help."""


class ForecastRefusedError(Exception):
    """The grid operator did not take the forecast."""


def work(seconds):
    """Stand in for real work."""
    time.sleep(seconds * PACE)


class DemoFlow(FlowSpec):
    @step
    def start(self):
        """Decide which cities to forecast."""
        self.cities = list(PEAKS)
        print(f"Forecasting tomorrow's demand for {len(self.cities)} cities.")
        work(1)
        self.next(self.audit, self.fetch)

    @step
    def audit(self):
        """Check last week's forecasts against what was consumed."""
        errors = [2.1, 1.8, 2.4, 6.9, 2.0, 1.7, 2.2]
        for day, error in enumerate(errors, start=1):
            print(f"day {day}: forecast off by {error:.1f} %")
            if error > 5:
                log.warning("day %d is off by more than 5 %%: a public holiday?", day)
            work(0.4)
        self.mean_error = sum(errors) / len(errors)
        print(f"mean error {self.mean_error:.2f} %")
        self.next(self.combine)

    @step
    def fetch(self):
        """Fetch the smart meters' readings, then train one model per city."""
        for city in self.cities:
            print(f"fetching readings of {city} ...")
            work(0.2)
        self.next(self.train, foreach="cities")

    @catch(var="problem")
    @retry(times=2, minutes_between_retries=0)
    @step
    def train(self):
        """Train a city's model: retried twice, and the others go on without it if all fail."""
        self.city = self.input
        log.info("attempt %d for %s on process %d", current.retry_count, self.city, os.getpid())
        work(1)
        if self.city == "Athens" and current.retry_count == 0:
            raise TimeoutError("feed.example/athens did not answer within 30 s")
        if self.city == "Reykjavik":
            log.error("expected 8760 hourly readings, got 0")
            raise NoReadingsError("no smart meter in Reykjavik has reported since 02:00")

        epochs = 24 if self.city == "Lisbon" else 4
        print(f"training on 8760 hours of {self.city}")
        for epoch in range(1, epochs + 1):
            work(0.5)
            loss = 0.9 * math.exp(-4 * epoch / epochs) + 0.01 * math.sin(5 * epoch)
            print(f"epoch {epoch:2}/{epochs}  loss {loss:.4f}")
        self.peak = PEAKS[self.city]
        print(f"{self.city} will need {self.peak} MW at its peak")
        self.next(self.collect)

    @step
    def collect(self, inputs):
        """Put the cities together, those without a model aside."""
        self.peaks = {task.city: task.peak for task in inputs if not task.problem}
        self.missing = [task.city for task in inputs if task.problem]
        for city in self.missing:
            log.warning("%s has no forecast", city)
        work(1)
        self.next(self.combine)

    @step
    def combine(self, inputs):
        """Bring forecast and audit together."""
        self.merge_artifacts(inputs, include=["peaks", "missing", "mean_error"])
        for city, peak in sorted(self.peaks.items()):
            print(f"{city:<10} {peak:>5} MW ± {self.mean_error:.1f} %")
        work(1)
        self.next(self.publish)

    @step
    def publish(self):
        """Hand the forecast to the grid operator."""
        print(f"publishing forecasts of {len(self.peaks)} cities to the grid operator")
        work(2)
        if not current.origin_run_id:
            log.error("POST grid.example/forecasts: 503, maintenance until 06:00")
            raise ForecastRefusedError(
                "the grid operator is down for maintenance and took no forecast. Nothing is lost: "
                "resume this run, and it starts again from this step."
            )
        print("accepted: thank you, and good night")
        self.next(self.end)

    @step
    def end(self):
        """Sum up."""
        total = sum(self.peaks.values())
        print(f"tomorrow's peak: {total} MW in {', '.join(sorted(self.peaks))}")


if __name__ == "__main__":
    DemoFlow()
