package main_test

import data.main

server(verdict, managed, standing) := {
	"target": "192.0.2.1:6443",
	"name": null,
	"verdict": verdict,
	"grants": [],
	"identification": {"product": {"short": "EKS", "managed": managed}},
	"posture": {"standing": standing},
}

report(endpoint) := {
	"schema": "kubeknock/report/v4",
	"scan": {"started": "2026-11-29T08:00:00Z", "stopped": null},
	"endpoints": [endpoint],
	"coverage": {"specs": []},
}

denied(endpoint) := {result.msg | some result in main.deny with input as report(endpoint)}

warned(endpoint) := {result.msg | some result in main.warn with input as report(endpoint)}

test_an_exposed_server_is_denied_whoever_runs_it if {
	every managed in [true, false] {
		denied(server("exposed", managed, "as-documented")) != set()
	}
}

test_a_managed_server_may_do_what_is_documented if {
	every standing in ["as-documented", "either", "stricter"] {
		denied(server("forbidden", true, standing)) == set()
	}
	denied(server("forbidden", true, "more-open")) == {"192.0.2.1:6443: more open than EKS documents"}
}

test_a_managed_server_without_documentation_is_a_warning if {
	unknown := server("forbidden", true, "unknown")
	denied(unknown) == set()
	warned(unknown) == {"192.0.2.1:6443: not compared with EKS: nothing is documented for its version"}
}

test_a_server_of_ones_own_must_reject_or_limit if {
	denied(server("forbidden", false, "as-documented")) != set()
	denied(server("limited", false, "as-documented")) == set()
	denied(server("rejected", false, "stricter")) == set()
}

test_a_server_that_nothing_identifies_is_ones_own if {
	bare := {"target": "t", "name": null, "verdict": "forbidden", "grants": [], "identification": null, "posture": null}
	denied(bare) == {"t: accepts anonymous requests, and nothing shows that a provider runs it"}
	without_product := object.union(bare, {"identification": {"product": null}})
	denied(without_product) == denied(bare)
}
