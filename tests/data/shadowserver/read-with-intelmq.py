"""Reads a report of the format `shadowserver` from standard input with IntelMQ's parser, and prints its events as JSON.

IntelMQ downloads what the columns mean from the Shadowserver Foundation. The same for this report is below, from
intelmq.json of The-Shadowserver-Foundation/report_schema at 0324695.
"""

import csv
import io
import json
import os
import sys

# The parser logs to standard output.
result = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

from intelmq.bots.parsers.shadowserver import _config as config
from intelmq.bots.parsers.shadowserver.parser import ShadowserverParserBot
from intelmq.lib.bot import BotLibSettings
from intelmq.lib.message import MessageFactory
from intelmq.lib.utils import base64_encode

REQUIRED = [
    ["time.source", "timestamp", "add_UTC_to_timestamp"],
    ["source.ip", "ip", "validate_ip"],
    ["source.port", "port", "convert_int"],
]
OPTIONAL = [
    ["protocol.transport", "protocol"],
    ["source.reverse_dns", "hostname"],
    ["source.asn", "asn", "invalidate_zero"],
    ["source.geolocation.cc", "geo"],
    ["source.geolocation.region", "region"],
    ["source.geolocation.city", "city"],
    ["extra.source.naics", "naics", "invalidate_zero"],
    ["extra.source.sector", "sector", "validate_to_none"],
    *(["extra.", column, "convert_int"] for column in ("http_code", "cert_length", "ssl_version")),
    *(
        ["extra.", column, "convert_bool"]
        for column in ("cert_valid", "self_signed", "cert_expired", "browser_trusted")
    ),
]

report = sys.stdin.buffer.read().decode()
columns = next(csv.reader(io.StringIO(report), dialect="unix"))
mapped = {column for _, column, *_ in REQUIRED + OPTIONAL}
assert mapped <= set(columns), mapped - set(columns)
rest = [["extra.", column, "validate_to_none"] for column in columns if column not in mapped]
feed = {
    "constant_fields": {
        "classification.identifier": "open-kubernetes",
        "classification.taxonomy": "vulnerable",
        "classification.type": "vulnerable-system",
        "protocol.application": "kubernetes",
    },
    "feed_name": "Accessible-Kubernetes-API",
    "file_name": "scan_kubernetes",
    "required_fields": REQUIRED,
    "optional_fields": OPTIONAL + rest,
}
known = vars(config)["__config"]
known.feedname_mapping[feed["feed_name"]] = known.filename_mapping[feed["file_name"]] = (feed["feed_name"], feed)
# It would download the schema.
config.reload = lambda: None

bot = ShadowserverParserBot("shadowserver", settings=BotLibSettings)
message = {"__type": "Report", "raw": base64_encode(report), "extra.file_name": "2026-10-01-scan_kubernetes.csv"}
output = bot.process_message(MessageFactory.from_dict(message))
assert not output.get("error"), output["error"]
print(json.dumps([event.to_dict(hierarchical=False) for event in output["output"]]), file=result)
