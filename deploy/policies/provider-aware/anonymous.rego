# Holds each API server to what its owner can do: a control plane of your own rejects anonymous requests or limits them
# to some paths, and a managed one is no more open than its provider documents.
package main

import data.kubeknock

deny contains result if some result in kubeknock.invalid

deny contains result if {
	some endpoint in kubeknock.accepting
	not kubeknock.is_excepted(endpoint)
	result := kubeknock.violation(endpoint, "provider-aware", breach(endpoint))
}

warn contains result if some result in kubeknock.unverified

warn contains result if {
	some endpoint in kubeknock.accepting
	not kubeknock.is_excepted(endpoint)
	not breach(endpoint)
	is_managed(endpoint)
	status(endpoint) == "unknown"
	text := sprintf("not compared with %s: nothing is documented for its version", [endpoint.identification.product.short])
	result := kubeknock.violation(endpoint, "provider-aware", text)
}

breach(endpoint) := "exposes more than version and health to anonymous callers" if {
	endpoint.verdict == "exposed"
} else := sprintf("more open than %s documents", [endpoint.identification.product.short]) if {
	status(endpoint) == "more-open"
} else := "accepts anonymous requests, and nothing shows that a provider runs it" if {
	endpoint.verdict == "forbidden"
	not is_managed(endpoint)
}

is_managed(endpoint) if endpoint.identification.product.managed

status(endpoint) := object.get(object.get(endpoint, "posture", {}), "standing", "unknown") if {
	is_object(endpoint.posture)
} else := "unknown"
