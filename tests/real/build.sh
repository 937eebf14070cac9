#!/bin/bash
# build.sh VERSION FOLDER [PROGRAM...]: builds etcd and kube-apiserver (or the named programs) of VERSION into FOLDER,
# which KUBEBUILDER_ASSETS can then name. What is there already is not built again.
# Needs Go (1.26 for 1.37) and its module proxy. JOBS: compilers at once (default 2).
set -euo pipefail
V=$1; mkdir -p "$2"; OUT=$(cd "$2" && pwd); shift 2; [ $# -gt 0 ] || set -- etcd kube-apiserver
cd "$(dirname "$0")/$V"
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
IFS=. read -r MAJOR MINOR _ <<<"${V#v}"
L='-s -w'; for P in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
 # what `--version` and /version say. The commit is not known here and the date is not the release's.
 L+=" -X $P.gitVersion=$V -X $P.gitMajor=$MAJOR -X $P.gitMinor=$MINOR -X $P.gitTreeState=clean"
 L+=" -X $P.gitCommit=0000000000000000000000000000000000000000 -X $P.buildDate=1970-01-01T00:00:00Z"
done
for P in "$@"; do
 [ ! -x "$OUT/$P" ] || continue
 case $P in etcd) K=go.etcd.io/etcd/server/v3;; sample-apiserver) K=k8s.io/sample-apiserver;; *) K=k8s.io/kubernetes/cmd/$P;; esac
 nice go build -mod=readonly -trimpath -p "${JOBS:-2}" -ldflags "$L" -o "$OUT/.$P" "$K"
 mv "$OUT/.$P" "$OUT/$P" # whole, or not there
done
