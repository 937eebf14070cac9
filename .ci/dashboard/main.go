// Checks a dashboard against the schema of Grafana, from which the foundation SDK is generated.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	text, err := os.ReadFile(os.Args[1])
	exitOn(err)
	var found dashboard.Dashboard
	exitOn(found.UnmarshalJSONStrict(text))
	exitOn(found.Validate())
}

// An empty list of errors is no error.
func exitOn(err error) {
	if err != nil && err.Error() != "" {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
