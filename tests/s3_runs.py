"""Real runs whose datastore is S3, executed once for all test processes: each has a server of its
own, into which the stored objects are put again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache as once
from importlib.metadata import version
from pathlib import Path

from tests.runs import FLOWS, PACKAGED, launch, locked
from tests.s3 import CREDENTIALS, Bucket, s3_server

_FLOWS = {"RetryFlow": "retry.py", "TalkingFlow": "talking.py"}


@dataclass(frozen=True)
class S3Runs:
    """Runs with local metadata under `root` and everything else in `bucket`; ids by flow."""

    root: Path
    bucket: Bucket
    ids: Mapping[str, str]


def variables(bucket: Bucket) -> Mapping[str, str]:
    """What configures Metaflow to store in the bucket."""
    return CREDENTIALS | {
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": bucket.root,
        "METAFLOW_S3_ENDPOINT_URL": bucket.server.url,
    }


@once
def recorded_in_s3(cache: Path) -> S3Runs:
    """RetryFlow and TalkingFlow, each with its code package, executed unless the cache holds them.

    The runs name the bucket, so that it has the same name in each process.
    """
    digest = hashlib.sha256(version("metaflow").encode())
    for file in _FLOWS.values():
        digest.update((FLOWS / file).read_bytes())
    root = cache / f"s3-{digest.hexdigest()[:12]}"
    root.mkdir(parents=True, exist_ok=True)
    bucket = Bucket(s3_server(), "recorded")
    record, objects = root / "runs.json", root / "objects"
    with locked(root / "lock"):
        if record.exists():
            for path in (path for path in objects.rglob("*") if path.is_file()):
                bucket.put(path.relative_to(objects).as_posix(), path.read_bytes())
        else:
            record.write_text(json.dumps(_execute(root, bucket)))
            for key in bucket.paths():
                target = objects / key
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(bucket.get(key))
    return S3Runs(root, bucket, json.loads(record.read_text()))


def _execute(root: Path, bucket: Bucket) -> Mapping[str, str]:
    started = {
        flow: launch(root, file, "run", extra={**variables(bucket), **PACKAGED})
        for flow, file in _FLOWS.items()
    }
    for process, id_file in started.values():
        assert process.wait(timeout=110) == 0, id_file.with_suffix(".log").read_text()
    return {flow: id_file.read_text() for flow, (_, id_file) in started.items()}
