# What the policies beside this folder share: the report, its endpoints, and the exceptions to a policy.
package kubeknock

# The schema that these policies read. A report of another version is a violation: with other keys every endpoint
# would pass.
schema := "kubeknock/report/v4"

is_report if {
	input.schema == schema
	is_array(input.endpoints)
	is_string(input.scan.started)
}

# What kubeknock inspect predicts from configuration files.
is_inspection if {
	input.schema == "kubeknock/inspection/v1"
	is_array(input.servers)
	is_string(input.time)
}

# Anonymous access, from least to most. An exception covers an endpoint up to its `at_most`.
access := {"limited": 1, "forbidden": 2, "exposed": 3}

# The endpoints that accept anonymous requests.
accepting contains endpoint if {
	is_report
	some endpoint in input.endpoints
	access[endpoint.verdict]
}

accepting contains endpoint if {
	is_inspection
	some server in input.servers
	access[server.verdict]
	endpoint := {
		"target": server.target,
		"name": server.name,
		"verdict": server.verdict,
		"grants": [{"path": path.path} | some path in server.paths; path.access == "granted"],
	}
}

# `prod-eu-1 (192.0.2.1:6443)`; without a name the target alone.
title(endpoint) := sprintf("%s (%s)", [endpoint.name, endpoint.target]) if is_string(endpoint.name)

else := endpoint.target

# A result in the form that conftest reads. Keys other than `msg` are metadata.
violation(endpoint, rule, text) := {
	"msg": sprintf("%s: %s%s", [title(endpoint), text, expired_note(endpoint)]),
	"policy": rule,
	"target": endpoint.target,
	"verdict": endpoint.verdict,
}

# The day of the scan or inspection, so that the same input and exceptions give the same result on every day.
today := substring(input.scan.started, 0, 10) if is_report

else := substring(input.time, 0, 10) if is_inspection

# Exceptions: `data.exceptions` is a list of {target or name, at_most, reason, owner, expires}.
default exceptions := []

exceptions := data.exceptions

is_valid(exception) if {
	object.get(exception, "target", object.get(exception, "name", "")) != ""
	access[exception.at_most]
	every key in ["reason", "owner"] {
		trim_space(exception[key]) != ""
	}
	regex.match(`^\d{4}-\d{2}-\d{2}$`, exception.expires)
}

names(exception, endpoint) if exception.target == endpoint.target

names(exception, endpoint) if exception.name == endpoint.name

covers(exception, endpoint) if {
	is_valid(exception)
	names(exception, endpoint)
	access[endpoint.verdict] <= access[exception.at_most]
}

# The last day of an exception is `expires`.
is_excepted(endpoint) if {
	some exception in exceptions
	covers(exception, endpoint)
	today <= exception.expires
}

expired_note(endpoint) := concat("", [note |
	some exception in exceptions
	covers(exception, endpoint)
	exception.expires < today
	note := sprintf(" (its exception expired on %s: ask %s)", [exception.expires, exception.owner])
])

# Results that every policy has: input that is no report, and exceptions that cannot be read.
invalid contains {"msg": msg} if {
	not is_report
	not is_inspection
	msg := sprintf("not a report of kubeknock with schema %s: scan again with -o json=report.json", [schema])
}

invalid contains {"msg": msg} if {
	some index, exception in exceptions
	not is_valid(exception)
	msg := sprintf("exceptions[%d]: needs target or name, at_most (%s), reason, owner and expires (YYYY-MM-DD)", [
		index,
		"limited, forbidden or exposed",
	])
}

# What the report cannot say. conftest fails on these with --fail-on-warn.
unverified contains {"msg": msg, "target": spec.origin.text} if {
	is_report
	some spec in input.coverage.specs
	spec.named
	not spec.covered
	msg := sprintf("%s: not verified: no verdict (seen: %s)", [spec.origin.text, seen(spec)])
}

unverified contains {"msg": msg} if {
	is_report
	is_string(input.scan.stopped)
	msg := sprintf("not all targets verified: the scan was stopped: %s", [input.scan.stopped])
}

unverified contains {"msg": msg, "target": server.target} if {
	is_inspection
	some server in input.servers
	server.verdict == null
	msg := sprintf("%s (%s): not verified: no verdict is predicted", [server.name, server.target])
}

unverified contains {"msg": msg} if {
	valid_input
	some index, exception in exceptions
	is_valid(exception)
	not is_used(exception)
	msg := sprintf("exceptions[%d]: no endpoint of this report needs it", [index])
}

valid_input if is_report

valid_input if is_inspection

is_used(exception) if {
	some endpoint in accepting
	covers(exception, endpoint)
}

seen(spec) := concat(", ", spec.seen) if count(spec.seen) > 0

else := "nothing"
