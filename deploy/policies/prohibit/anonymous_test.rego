package main_test

import data.main

report(endpoints) := {
	"schema": "kubeknock/report/v4",
	"scan": {"started": "2026-11-29T08:00:00Z", "stopped": null},
	"endpoints": endpoints,
	"coverage": {"specs": []},
}

server(verdict) := {"target": "192.0.2.1:6443", "name": "a", "verdict": verdict, "grants": []}

exception(at_most, expires) := {"name": "a", "at_most": at_most, "reason": "r", "owner": "o", "expires": expires}

denied(verdict, exceptions) := {result.msg |
	some result in main.deny with input as report([server(verdict)]) with data.exceptions as exceptions
}

test_every_accepting_verdict_is_denied if {
	every verdict in ["exposed", "forbidden", "limited"] {
		denied(verdict, []) == {sprintf("a (192.0.2.1:6443): accepts anonymous requests (%s)", [verdict])}
	}
}

# What kubeknock inspect predicts is judged like a report.
inspection(verdict) := {
	"schema": "kubeknock/inspection/v1",
	"time": "2026-11-29T08:00:00Z",
	"servers": [{"target": "a.yaml#Pod/a", "name": "Pod a", "verdict": verdict, "paths": []}],
}

test_predictions_are_judged if {
	main.deny with input as inspection("rejected") == set()
	{result.msg | some result in main.deny} == {"Pod a (a.yaml#Pod/a): accepts anonymous requests (limited)"} with input as inspection("limited")
	{result.msg | some result in main.warn} == {"Pod a (a.yaml#Pod/a): not verified: no verdict is predicted"} with input as inspection(null)
}

test_other_verdicts_pass if {
	every verdict in ["rejected", "inconclusive", "not-api-server", "unreachable", "not-attempted"] {
		denied(verdict, []) == set()
	}
}

test_an_exception_covers_no_more_than_it_names if {
	denied("limited", [exception("forbidden", "2026-12-31")]) == set()
	denied("forbidden", [exception("forbidden", "2026-12-31")]) == set()
	denied("exposed", [exception("forbidden", "2026-12-31")]) != set()
}

test_an_exception_holds_to_the_end_of_its_day if {
	denied("forbidden", [exception("forbidden", "2026-11-29")]) == set()
	expired := "a (192.0.2.1:6443): accepts anonymous requests (forbidden) (its exception expired on 2026-11-28: ask o)"
	denied("forbidden", [exception("forbidden", "2026-11-28")]) == {expired}
}

test_an_exception_by_target if {
	by_target := object.remove(
		object.union(exception("forbidden", "2026-12-31"), {"target": "192.0.2.1:6443"}),
		["name"],
	)
	denied("forbidden", [by_target]) == set()
	denied("forbidden", [object.union(by_target, {"target": "192.0.2.2:6443"})]) != set()
}

test_an_incomplete_exception_is_denied if {
	every key in ["name", "at_most", "reason", "owner", "expires"] {
		incomplete := object.remove(exception("forbidden", "2026-12-31"), [key])
		some text in denied("rejected", [incomplete])
		startswith(text, "exceptions[0]: needs")
	}
}

test_other_input_is_denied if {
	results := main.deny with input as {"schema": "kubeknock/report/v3", "endpoints": []}
	count(results) == 1
	none := main.deny with input as []
	count(none) == 1
}

test_uncovered_targets_and_unused_exceptions_are_warnings if {
	spec := {"named": true, "covered": false, "origin": {"text": "gone.example:6443"}, "seen": ["unreachable"]}
	input_report := object.union(report([server("rejected")]), {
		"coverage": {"specs": [spec]},
		"scan": {"started": "2026-11-29T08:00:00Z", "stopped": "interrupted"},
	})
	warnings := {result.msg |
		some result in main.warn with input as input_report with data.exceptions as [exception("limited", "2026-12-31")]
	}
	warnings == {
		"gone.example:6443: not verified: no verdict (seen: unreachable)",
		"not all targets verified: the scan was stopped: interrupted",
		"exceptions[0]: no endpoint of this report needs it",
	}
}
