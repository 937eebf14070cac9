//! The words of other tools (nmap, masscan, nuclei, httpx, zgrab2, curl, kubectl, trivy, kubescape, kube-bench,
//! kube-hunter), one row for each meaning.

/// What a word of another tool is here.
#[derive(Clone, Copy)]
pub(super) enum Meaning {
    /// These options. A value of the word is the value of the last one.
    Options(&'static [&'static str]),
    /// Nothing: the value after it is a target.
    Target,
    /// An error with this tip.
    Tip(&'static str),
}

use Meaning::{Options, Target, Tip};

/// Words with spaces between them, and their meaning. A word that is an option of the command keeps its own meaning.
/// With one hyphen or two, a word means the same unless both are here.
pub(super) const HABITS: &[(&str, Meaning)] = &[
    (
        "-t -u --target --targets --url --host --hosts --ip --server --endpoint --address --domain --cidr \
         --range --remote",
        Target,
    ),
    (
        "-l -iL -list --list --input-file --input --file --hosts-file --target-file --hostfile",
        Options(&["--targets-file"]),
    ),
    ("--port -port", Options(&["--ports"])),
    ("-eh --exclude-hosts", Options(&["--exclude"])),
    (
        "-ef --excludefile --exclude-targets",
        Options(&["--exclude-file"]),
    ),
    (
        "--report --output-format --output-type -of",
        Options(&["--format"]),
    ),
    ("--json -json -oj", Options(&["--format=json"])),
    ("--jsonl -jsonl", Options(&["--format=jsonl"])),
    ("--sarif", Options(&["--format=sarif"])),
    ("--html", Options(&["--format=html"])),
    ("--csv -csv", Options(&["--format=csv"])),
    ("--markdown", Options(&["--format=markdown"])),
    ("--junit", Options(&["--format=junit"])),
    ("--table", Options(&["--format=table"])),
    ("--prometheus", Options(&["--format=prometheus"])),
    (
        "--threads -threads --workers --parallelism --parallel --senders --connections --max-connections",
        Options(&["--concurrency"]),
    ),
    ("--max-rate --rate-limit -rl -rate", Options(&["--rate"])),
    (
        "--request-timeout --max-time --host-timeout -m",
        Options(&["--timeout"]),
    ),
    ("--max-retries --retry", Options(&["--retries"])),
    ("--shards", Options(&["--shard"])),
    ("--dryrun --dry_run --what-if -sL", Options(&["--dry-run"])),
    ("--silent -silent", Options(&["--quiet"])),
    ("--debug -debug", Options(&["--verbose", "--verbose"])),
    ("--no-color --no-colour -nc", Options(&["--color=never"])),
    ("--config-file", Options(&["--config"])),
    (
        "--source-ip --adapter-ip -S",
        Options(&["--source-address"]),
    ),
    ("-e --iface --adapter", Options(&["--interface"])),
    ("-H --headers", Options(&["--header"])),
    ("--agent", Options(&["--user-agent"])),
    (
        "--http-proxy --https-proxy --proxy-url -x",
        Options(&["--proxy"]),
    ),
    (
        "--cacert --ca --cafile --ca-cert --certificate-authority",
        Options(&["--ca-file"]),
    ),
    (
        "--socks --socks5 --socks5-hostname --socks-proxy",
        Tip("a proxy is --proxy socks5://HOST:PORT, or socks5h:// if it resolves the names"),
    ),
    (
        "--noproxy --no-proxy",
        Tip("not needed: only --proxy sets a proxy, environment variables never do"),
    ),
    (
        "-oX -oN -oG -oA -oJ -oL -oD --output-file --outputfile --outfile --out --output-filename --xml \
         --export --json-export --sarif-export --markdown-export -je -se -me",
        Tip(
            "reports are written with -o FORMAT=PATH, such as -o json=report.json or -o junit=report.xml",
        ),
    ),
    (
        "--yaml --text --txt --pdf",
        Tip(
            "not a format of kubeknock; -o table is for people, -o json for programs, -o html for a browser",
        ),
    ),
    (
        "--exit-code --exit-on-error --fail --fail-level --failon --fail-threshold --severity-threshold \
         --compliance-threshold --fail-on-severity",
        Tip(
            "--fail-on THRESHOLD decides when the exit code is 1: exposed (the default), high, new, never …",
        ),
    ),
    (
        "--exit-zero --soft-fail --no-fail --no-exit-code",
        Tip("--fail-on never --require-coverage 0 lets no finding and no gap fail the scan"),
    ),
    (
        "--min-severity --level",
        Tip("--severity critical,high shows only these; --fail-on high decides the exit code"),
    ),
    (
        "--ignorefile --ignore-file --ignore --skip --suppress --ignore-unfixed --exceptions",
        Tip("findings are accepted in kubeknock.toml, in [[accept]] tables: see docs/settings.md"),
    ),
    (
        "--kubeconfig --context --kube-context --cluster --k8s-auto-discover-nodes",
        Tip(
            "its servers are read with --from kubeconfig FILE; kubeknock reads none of its credentials",
        ),
    ),
    (
        "--token --username --user --password --cert --key --client-certificate --client-key --as \
         --as-group --bearer --bearer-token --oauth2-bearer --auth --basic --netrc --cookie -b --service-account-token",
        Tip("kubeknock never sends a credential; leave it out"),
    ),
    (
        "-k --insecure --insecure-skip-tls-verify --tls-skip-verify --no-check-certificate --no-verify \
         --skip-verify --no-verify-ssl --ssl-no-verify --verify",
        Tip("not needed: a certificate stops nothing; --ca-file FILE checks it"),
    ),
    (
        "--namespace --all-namespaces -A --include-namespaces --exclude-namespaces",
        Tip("kubeknock asks from outside, for the whole cluster; leave it out"),
    ),
    (
        "-sV -sS -sT -sU -sC -sn -Pn -O -F -T0 -T1 -T2 -T3 -T4 -T5 -n --banners --reason --status-code \
         -sc --title --tech-detect -td --tls-grab --server-header",
        Tip(
            "not needed: kubeknock connects to every target and looks at what answers; leave it out",
        ),
    ),
    (
        "--open -open",
        Tip(
            "not needed: silent and refused addresses of ranges are only counted; --all lists them",
        ),
    ),
    (
        "--top-ports -top-ports -tp",
        Tip("name the ports: -p 6443,443,8443 is the default"),
    ),
    (
        "-r --resolvers --dns-server --dns-servers --nameserver",
        Tip("--resolver ADDRESS uses one name server instead of the system's"),
    ),
    (
        "-fr -L --follow-redirects --follow-redirect --location",
        Tip("kubeknock never follows a redirect; it reports where the redirect leads"),
    ),
    (
        "-i --include",
        Tip(
            "-f FILE reads targets from a file; kubeknock identify TARGET --raw prints the headers of the answers",
        ),
    ),
    (
        "-d --data --data-raw --body -X --request --method --head -I",
        Tip("kubeknock sends GET and HEAD only, without a body; --path PATH adds a request"),
    ),
    (
        "--delay --scan-delay --wait -w --sleep --throttle",
        Tip("--rate NUMBER limits the new connections per second"),
    ),
    (
        "--watch --interval --daemon",
        Tip(
            "a scan runs once; repeat it by cron or CI, with --baseline auto:DIR and --notify to hear only of changes",
        ),
    ),
    (
        "-s",
        Tip("to hear less, write -q; a server is a target, without an option before it"),
    ),
    (
        "-j",
        Tip("the report for programs is -o json; connections at once are -c NUMBER"),
    ),
    (
        "--template --templates --template-id --tags --workflows --script --scripts --plugins --checks \
         --check --benchmark --framework --compliance --scanners",
        Tip("kubeknock has no templates or scripts; kubeknock rules lists what it looks for"),
    ),
    (
        "--active --aggressive --full --thorough",
        Tip("--deep asks for more, still without credentials and without reading data"),
    ),
    (
        "--sni --tls-server-name --resolve --connect-to --servername",
        Tip("the name is an annotation of the target: \"10.0.0.7:6443 sni=api.example.com\""),
    ),
    (
        "--log-level --loglevel --log",
        Tip("-v logs each endpoint, -vv libraries too, -q only errors"),
    ),
    (
        "--randomize-hosts --random --shuffle",
        Tip("not needed: the order is random; --order sequential keeps it as written"),
    ),
    (
        "--http1.1 --http1",
        Tip("not needed: HTTP/1.1 is the default; --http2 offers HTTP/2"),
    ),
    (
        "--update --skip-update --skip-db-update --offline --offline-scan --cache-dir",
        Tip("not needed: kubeknock downloads nothing"),
    ),
    (
        "-y --yes --force",
        Tip("not needed: kubeknock never asks back"),
    ),
    (
        "--stats --statistics",
        Tip("--stats-interval TIME prints the progress as JSON lines"),
    ),
];
