# Permits anonymous requests to the health paths alone: what `anonymous.conditions` of an AuthenticationConfiguration
# with /livez, /readyz and /healthz gives, and what new EKS and GKE clusters have.
package main

import data.kubeknock

deny contains result if some result in kubeknock.invalid

deny contains result if {
	some endpoint in kubeknock.accepting
	not kubeknock.is_excepted(endpoint)
	result := kubeknock.violation(endpoint, "health-only", beyond_health(endpoint))
}

warn contains result if some result in kubeknock.unverified

# With the verdict "exposed", paths without conditions may be refused, so only what is open is said.
beyond_health(endpoint) := sprintf("accepts anonymous requests to every path (%s)", [endpoint.verdict]) if {
	endpoint.verdict == "forbidden"
} else := sprintf("open beyond health: %s", [concat(", ", sort(beyond(endpoint)))]) if {
	count(beyond(endpoint)) > 0
} else := sprintf("accepts anonymous requests (%s)", [endpoint.verdict]) if {
	endpoint.verdict != "limited"
}

beyond(endpoint) := {grant.path |
	some grant in endpoint.grants
	not regex.match(`^/(healthz|livez|readyz)(/|$)`, grant.path)
}
