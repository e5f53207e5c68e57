"""Which rows a timeline has: followed change by change they are those of a fresh look."""

from __future__ import annotations

import pytest

from flowtui.model import Ms
from flowtui.store import RunStore
from flowtui.widgets.task_rows import Order
from flowtui.widgets.timeline_rows import RowKey, TimelineRows
from tests.scripted_run import RUN, START, many


def listed(rows: TimelineRows) -> list[RowKey]:
    return [rows.key_at(row) for row in range(len(rows))]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("order", [Order.TASK, Order.STATE, Order.STARTED, Order.TOOK])
def test_rows_that_followed_changes_are_as_if_all_were_listed_anew(
    order: Order, reverse: bool
) -> None:
    store, followed = RunStore(RUN), TimelineRows()
    first, *portions = many(60, 1, 7, 30, 1)
    store.apply(first)
    followed.show(store)
    followed.sort(order, reverse=reverse)
    followed.fold("work", unfolded=True)
    for changes in portions:
        followed.update(store, store.apply(changes).tasks)
        followed.tick(store.now)
        fresh = TimelineRows()
        fresh.show(store)
        fresh.sort(order, reverse=reverse)
        fresh.fold("work", unfolded=True)
        assert listed(followed) == listed(fresh)
        assert [followed.place(key) for key in listed(followed)] == list(range(62))
        known, anew = followed.step("work"), fresh.step("work")
        assert known is not None
        assert anew is not None
        assert known.failures == anew.failures
        for times, others in ((known.times, anew.times), (followed.times, fresh.times)):
            now = Ms(START + 90_000)
            assert (times.first, times.last, times.running) == (
                others.first, others.last, others.running,
            )  # fmt: skip
            assert times.over_time(START, now, 50, now) == others.over_time(START, now, 50, now)


def test_what_was_unfolded_stays_so_when_all_is_listed_anew() -> None:
    store, rows = RunStore(RUN), TimelineRows()
    store.apply(next(many(60)))
    rows.show(store)
    assert listed(rows) == [("start", None), ("work", None)]
    rows.fold("work", unfolded=True)
    rows.show(store)
    assert len(rows) == 62
    assert rows.place(("work", "5")) == 5
    rows.fold("work", unfolded=False)
    assert rows.place(("work", "5")) == 1
    assert rows.place(("end", None)) is None
