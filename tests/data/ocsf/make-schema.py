"""Writes the JSON Schema of the OCSF class Detection Finding, as far as kubeknock writes it.

The source is the schema of the Open Cybersecurity Schema Framework (https://github.com/ocsf/ocsf-schema, Apache-2.0) in
the form in which the Python package pydantic-ocsf (Apache-2.0) contains it:

    pip download --no-deps --dest target/ocsf pydantic-ocsf==3.0.0
    python3 tests/data/ocsf/make-schema.py target/ocsf/pydantic_ocsf-3.0.0-py3-none-any.whl 1.6.0 \
        >tests/data/ocsf/detection-finding-1.6.0.schema.json

Objects that kubeknock does not write are objects with any content. All others have exactly the attributes of the
framework.
"""

import json
import sys
import zipfile

WRITTEN = """analytic cloud cwe evidences finding_info http_request http_response metadata network_endpoint observable
product remediation resource_details url vulnerability""".split()
# The package leaves profiles out. This is profiles/cloud.json.
CLOUD = {"cloud": {"requirement": "optional"}, "api": {"requirement": "optional"}}

wheel, version = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    source = json.loads(archive.read(f"ocsf/schemas/v{version.replace('.', '_')}.json"))
dictionary = source["dictionary"]["attributes"]
types = source["dictionary"]["types"]["attributes"]


def merged(kind, name):
    """The attributes and constraints of a class or object, with those that it inherits."""
    own = source[kind][name]
    attributes, constraints = merged(kind, own["extends"]) if "extends" in own else ({}, {})
    for key, value in own["attributes"].items():
        if key == "$include":
            continue
        inherited = attributes.get(key, {})
        value = {**inherited, **value}
        if "enum" in inherited:
            value["enum"] = {**inherited["enum"], **value["enum"]}
        attributes[key] = value
    return attributes, own.get("constraints", constraints)


def observables(value):
    """All numbers of kinds of observables."""
    if isinstance(value, dict):
        number = value.get("observable")
        own = {number} if isinstance(number, int) else set()
        return own.union(*map(observables, value.values()))
    return set()


def of_type(name):
    """The schema of a value of this type."""
    if name in WRITTEN:
        return {"$ref": f"#/$defs/{name}"}
    if name == "json_t":
        return {}
    if name not in types:
        return {"type": "object"}
    own = types[name]
    base = own.get("type", name)
    out = {"type": {"string_t": "string", "boolean_t": "boolean", "float_t": "number"}.get(base, "integer")}
    if "max_len" in own:
        out["maxLength"] = own["max_len"]
    if "regex" in own:
        out["pattern"] = own["regex"]
    if "range" in own:
        out["minimum"], out["maximum"] = own["range"]
    return out


def closed_object(attributes, constraints):
    properties = {}
    for name, attribute in sorted(attributes.items()):
        known = dictionary.get(name, {})
        value = of_type(attribute.get("type", known.get("type")))
        enum = {**known.get("enum", {}), **attribute.get("enum", {})}
        if enum and value.get("type") == "integer":
            value = {"enum": sorted(map(int, enum))}
        elif enum and value.get("type") == "string":
            value = {"enum": sorted(enum)}
        properties[name] = {"type": "array", "items": value} if known.get("is_array") else value
    required = sorted(name for name, of in attributes.items() if of.get("requirement") == "required")
    out = {"type": "object", "additionalProperties": False, "properties": properties, "required": required}
    for constraint, names in constraints.items():
        keyword = {"at_least_one": "anyOf", "just_one": "oneOf"}[constraint]
        out[keyword] = [{"required": [name]} for name in names]
    return out


finding, constraints = merged("events", "detection_finding")
schema = closed_object({**finding, **CLOUD}, constraints)
uid = source["categories"].get("findings", {}).get("uid", 2) * 1000 + source["events"]["detection_finding"]["uid"]
schema["properties"]["category_uid"] = {"const": uid // 1000}
schema["properties"]["class_uid"] = {"const": uid}
activities = schema["properties"]["activity_id"]["enum"]
schema["properties"]["type_uid"] = {"enum": [uid * 100 + activity for activity in activities]}
schema["properties"]["metadata"] = {"allOf": [of_type("metadata"), {"properties": {"version": {"const": version}}}]}
definitions = {name: closed_object(*merged("objects", name)) for name in WRITTEN}
definitions["observable"]["properties"]["type_id"] = {"enum": sorted(observables(source) | {0, 99})}
json.dump(
    {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"OCSF {version}, Apache-2.0, from https://github.com/ocsf/ocsf-schema by make-schema.py",
        **schema,
        "$defs": definitions,
    },
    sys.stdout,
    indent=1,
)
print()
