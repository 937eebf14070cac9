# Prohibits anonymous requests: every API server must answer 401 (`--anonymous-auth=false`).
package main

import data.kubeknock

deny contains result if some result in kubeknock.invalid

deny contains result if {
	some endpoint in kubeknock.accepting
	not kubeknock.is_excepted(endpoint)
	text := sprintf("accepts anonymous requests (%s)", [endpoint.verdict])
	result := kubeknock.violation(endpoint, "prohibit", text)
}

warn contains result if some result in kubeknock.unverified
