"""Reads events of the format `ocsf` from standard input with two libraries, and prints how many there are.

pydantic-ocsf has models of three versions of the schema, and py-ocsf-models is what Prowler writes its events with.
"""

import json
import sys

from ocsf.v1_5_0.events import DetectionFinding as Finding15
from ocsf.v1_6_0.events import DetectionFinding as Finding16
from ocsf.v1_7_0.events import DetectionFinding as Finding17
from py_ocsf_models.events.findings.detection_finding import DetectionFinding as FindingOfProwler
from pydantic import BaseModel


def unknown(model, at):
    """Attributes that a model keeps without knowing them, and those of its parts."""
    for name in model.model_extra or {}:
        yield f"{at}.{name}"
    for name in set(type(model).model_fields) - {"unmapped"}:
        values = getattr(model, name)
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, BaseModel):
                yield from unknown(value, f"{at}.{name}")


count = 0
for line in sys.stdin:
    event = json.loads(line)
    read = FindingOfProwler.model_validate(event)
    assert read.finding_info.uid == event["finding_info"]["uid"]
    # pydantic-ocsf takes every enumeration for numbers, also this one, whose values are words.
    for evidence in event.get("evidences", []):
        del evidence["http_request"]["http_method"]
    for model in (Finding15, Finding16, Finding17):
        read = model.model_validate(event)
        # pydantic-ocsf leaves the profile `cloud` out.
        extra = set(unknown(read, "event")) - {"event.cloud"}
        assert not extra, extra
    count += 1
print(count)
