package main_test

import data.main

report(verdict, paths) := {
	"schema": "kubeknock/report/v4",
	"scan": {"started": "2026-11-29T08:00:00Z", "stopped": null},
	"endpoints": [{"target": "t", "name": null, "verdict": verdict, "grants": [{"path": path} | some path in paths]}],
	"coverage": {"specs": []},
}

denied(verdict, paths) := {result.msg | some result in main.deny with input as report(verdict, paths)}

test_health_alone_passes if {
	denied("limited", ["/healthz", "/livez", "/livez/ping", "/readyz"]) == set()
	denied("limited", []) == set()
	denied("rejected", []) == set()
}

test_paths_beyond_health_are_denied if {
	denied("limited", ["/livez", "/version", "/healthzz"]) == {"t: open beyond health: /healthzz, /version"}
}

test_accepting_every_path_is_denied if {
	denied("forbidden", []) == {"t: accepts anonymous requests to every path (forbidden)"}
	denied("exposed", ["/api"]) == {"t: open beyond health: /api"}
	denied("exposed", []) == {"t: accepts anonymous requests (exposed)"}
}
