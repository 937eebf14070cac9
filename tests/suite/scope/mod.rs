//! No packet leaves the scope. A scan runs in a separate network in which every address answers; every packet is
//! captured, and every request is compared byte by byte with the documentation.

mod capture;
mod estate;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output};

use kubeknock::scan::{AFTER_401, ALWAYS, deep};
use serde_json::Value;

use crate::support::{in_namespaces, kubeknock, settled, stderr};
use capture::{Capture, Traffic};
use estate::{Asked, ELSEWHERE, Names, name_server, serve, v4, v6};

/// Tells the inner test that it runs in its own network.
const INSIDE: &str = "KUBEKNOCK_TEST_SCOPE";
/// The name server of `--resolver`, and that of the system configuration.
const GIVEN: &str = "10.53.0.1:53";
const OF_SYSTEM: &str = "10.53.0.2:53";
/// A proxy.
const PROXY: &str = "10.99.0.1:3128";

/// Routes every address to this machine, so that every address answers.
const NETWORK: &str = r#"
    network() {
        set -e
        ip link set lo up
        ip addr add 10.255.255.1/32 dev lo
        # Without nodad the address may stay tentative for a while, and nothing is sent from it.
        ip -6 addr add fd00:5c::1/128 dev lo nodad
        ip route add local 0.0.0.0/0 dev lo src 10.255.255.1
        ip -6 route add local ::/0 dev lo src fd00:5c::1
        printf 'nameserver 10.53.0.2\nsearch corp.example\n' >"$1/resolv.conf"
        printf '127.0.0.1 localhost\n203.0.113.20 hosted.example\n' >"$1/hosts"
        mount --bind "$1/resolv.conf" /etc/resolv.conf
        mount --bind "$1/hosts" /etc/hosts
    }
    network "$1" >/dev/null 2>&1 || exit 77
    shift
    exec "$@"
"#;

#[test]
fn packets_go_only_to_the_scope_and_the_resolvers() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-c", NETWORK, "sh"])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "scope::inside", "--ignored", "--nocapture"])
        .env(INSIDE, folder.path())
        .output();
    let Some(output) = in_namespaces(output, "a network of the test's own") else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        stderr(&output)
    );
}

/// Targets of every kind.
const TARGETS: [&str; 15] = [
    "192.0.2.0/28",
    "192.0.2.100-110",
    "2001:db8::/124",
    "198.18.0.5:9443",
    "https://198.18.0.6/k8s/clusters/c-1",
    "http://198.18.0.7:8080",
    "198.18.0.8:443 sni=internal.example",
    "in.example",
    "mixed.example:6443",
    "alias.example:6443",
    "hidden.example:6443",
    "secret.example:6443",
    "special.example:6443",
    "127.0.0.9:6443",
    "hosted.example:6443",
];

/// Exclusions from them.
const EXCLUSIONS: [&str; 6] = [
    "192.0.2.8/30",
    "192.0.2.3:443",
    "192.0.2.105-106",
    "2001:db8::8/125",
    "203.0.113.12",
    "secret.example",
];

fn names() -> Names {
    Names {
        addresses: vec![
            (
                "in.example",
                vec![v4("203.0.113.10"), v6("2001:db8:53::10")],
            ),
            // Only the first and the third may be probed; the others are excluded.
            (
                "mixed.example",
                vec![
                    v4("203.0.113.11"),
                    v4("203.0.113.12"),
                    v6("2001:db8:53::11"),
                    v6("2001:db8::9"),
                    v6("::ffff:203.0.113.12"),
                    v6("64:ff9b::203.0.113.12"),
                ],
            ),
            ("special.example", special().into()),
            ("secret.example", vec![v4("203.0.113.13")]),
            ("elsewhere.example", vec![v4("203.0.113.14")]),
        ],
        aliases: vec![
            ("alias.example", "elsewhere.example"),
            ("hidden.example", "secret.example"),
        ],
    }
}

/// Special addresses, to which no name may lead a scan. The last one is also a target, so it is allowed.
fn special() -> [IpAddr; 16] {
    [
        v4("127.0.0.1"),
        v4("0.0.0.0"),
        v4("0.1.2.3"),
        v4("169.254.169.254"),
        v4("169.254.1.1"),
        v4("224.0.0.1"),
        v4("240.0.0.1"),
        v4("255.255.255.255"),
        v6("::1"),
        v6("::"),
        v6("fe80::1"),
        v6("ff02::1"),
        v6("fd00:ec2::254"),
        v6("::ffff:169.254.169.254"),
        v6("64:ff9b::169.254.169.254"),
        v4("127.0.0.9"),
    ]
}

/// The endpoints in scope, listed by hand. `hosted` is only in the hosts file.
fn scope(hosted: bool) -> BTreeSet<SocketAddr> {
    let mut all = BTreeSet::new();
    let defaults = [6443, 443, 8443];
    let octets = (0..16)
        .filter(|octet| !(8..12).contains(octet))
        .chain([100, 101, 102, 103, 104, 107, 108, 109, 110]);
    for octet in octets {
        all.extend(defaults.map(|port| SocketAddr::new(v4(&format!("192.0.2.{octet}")), port)));
    }
    all.remove(&SocketAddr::new(v4("192.0.2.3"), 443));
    for last in 0..8 {
        all.extend(defaults.map(|port| SocketAddr::new(v6(&format!("2001:db8::{last}")), port)));
    }
    for address in [v4("203.0.113.10"), v6("2001:db8:53::10")] {
        all.extend(defaults.map(|port| SocketAddr::new(address, port)));
    }
    all.extend(
        [
            (v4("198.18.0.5"), 9443),
            (v4("198.18.0.6"), 443),
            (v4("198.18.0.7"), 8080),
            (v4("198.18.0.8"), 443),
            (v4("203.0.113.11"), 6443),
            (v6("2001:db8:53::11"), 6443),
            (v4("203.0.113.14"), 6443),
            (v4("127.0.0.9"), 6443),
        ]
        .map(SocketAddr::from),
    );
    if hosted {
        all.insert(SocketAddr::new(v4("203.0.113.20"), 6443));
    }
    all
}

/// One scan and everything that it sent.
struct Scanned {
    output: Output,
    traffic: Traffic,
    /// The requests that each server received, those for one host name in their order.
    asked: BTreeMap<SocketAddr, Vec<String>>,
}

/// The id of every run.
const RUN_ID: &str = "scope";

async fn scan(asked: &Asked, args: &[&str], environment: &[(&str, String)]) -> Scanned {
    asked.lock().unwrap().clear();
    let capture = Capture::start();
    let mut command = kubeknock();
    command.args([
        "scan",
        "-q",
        "--seed",
        "1",
        "--run-id",
        RUN_ID,
        "--fail-on",
        "never",
        "--require-coverage",
        "0",
        "-o",
        "json",
    ]);
    command.args(args).args(TARGETS).args(
        EXCLUSIONS
            .iter()
            .flat_map(|exclusion| ["--exclude", exclusion]),
    );
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let traffic = tokio::task::spawn_blocking(move || capture.stop())
        .await
        .unwrap();
    let mut asked = std::mem::take(&mut *asked.lock().unwrap());
    // A server with two names is two endpoints, whose requests arrive in any order.
    for heads in asked.values_mut() {
        heads.sort_by_key(|head| host(head));
    }
    assert!(output.status.success(), "{}", stderr(&output));
    // No ICMP was sent either.
    assert_eq!(traffic.others, BTreeSet::new(), "neither TCP nor UDP");
    Scanned {
        output,
        traffic,
        asked,
    }
}

/// The host header of a request.
fn host(head: &str) -> Option<String> {
    let host = head.lines().find_map(|line| line.strip_prefix("host: "))?;
    Some(host.to_owned())
}

/// Only the test above runs this one.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the network that packets_go_only_to_the_scope_and_the_resolvers makes"]
async fn inside() {
    let Some(folder) = std::env::var_os(INSIDE) else {
        return;
    };
    let folder = Path::new(&folder);
    let asked = serve().await;
    let names_asked = name_server(GIVEN.parse().unwrap(), names()).await;
    name_server(OF_SYSTEM.parse().unwrap(), names()).await;
    let given: BTreeSet<SocketAddr> = [GIVEN.parse().unwrap()].into();

    // With default options, and with all optional requests.
    let plain = scan(&asked, &["--resolver", GIVEN], &[]).await;
    assert_eq!(plain.traffic.connected_to(), scope(false));
    assert_eq!(plain.traffic.asked(), given);
    documented(&plain.asked, &[]);
    let deep = [
        "--resolver",
        GIVEN,
        "--deep",
        "--http2",
        "--path",
        "/api/v1/namespaces/kube-system/pods",
    ];
    let deep = scan(&asked, &deep, &[]).await;
    assert_eq!(
        (deep.traffic.connected_to(), deep.traffic.asked()),
        (scope(false), given.clone())
    );
    documented(
        &deep.asked,
        &["HEAD /api/v1/namespaces/kube-system/pods?limit=1"],
    );
    // The given names and their aliases.
    let known = TARGETS.iter().chain(&["elsewhere.example"]);
    let known = |name: &str| {
        known
            .clone()
            .any(|known| known.starts_with(name.trim_end_matches('.')))
    };
    let unknown: Vec<String> = names_asked
        .lock()
        .unwrap()
        .iter()
        .filter(|name| !known(name))
        .cloned()
        .collect();
    assert!(unknown.is_empty(), "asked for {unknown:?}");

    // Only what --allow lists: an address list, a name with all of its addresses, and nothing that names lead to.
    let allow = [
        "--resolver",
        GIVEN,
        "--allow",
        "192.0.2.0/30",
        "--allow",
        "203.0.113.11",
        "--allow",
        "in.example:443",
        "--header",
        "X-Scan-Id: 42",
    ];
    let allowed = scan(&asked, &allow, &[]).await;
    let expected: BTreeSet<SocketAddr> = scope(false)
        .into_iter()
        .filter(|endpoint| {
            let inside = (0..4).any(|octet| endpoint.ip() == v4(&format!("192.0.2.{octet}")));
            let by_name = [v4("203.0.113.10"), v6("2001:db8:53::10")].contains(&endpoint.ip());
            inside || endpoint.ip() == v4("203.0.113.11") || (by_name && endpoint.port() == 443)
        })
        .collect();
    assert_eq!(allowed.traffic.connected_to(), expected);
    assert_eq!(allowed.traffic.asked(), given);
    for head in allowed.asked.values().flatten() {
        assert!(
            head.ends_with("accept: */*\r\nx-scan-id: 42\r\n\r\n"),
            "{head:?}"
        );
    }

    // The environment changes nothing, and no file is left behind.
    let again = scan(&asked, &["--resolver", GIVEN], &environment(folder)).await;
    assert_eq!(
        (again.traffic.connected_to(), again.traffic.asked()),
        (scope(false), given.clone())
    );
    assert_eq!(again.asked, plain.asked);
    let report = |scanned: &Scanned| settled(str::from_utf8(&scanned.output.stdout).unwrap());
    assert_eq!(report(&again)["endpoints"], report(&plain)["endpoints"]);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    files.sort();
    assert_eq!(files, ["hosts", "resolv.conf"]);

    // With the name servers and hosts file of the system.
    let system = scan(&asked, &[], &[]).await;
    assert_eq!(system.traffic.connected_to(), scope(true));
    assert_eq!(system.traffic.asked(), [OF_SYSTEM.parse().unwrap()].into());
    let report: Value = serde_json::from_slice(&system.output.stdout).unwrap();
    assert_eq!(
        report["scan"]["vantage"]["resolvers"],
        serde_json::json!([OF_SYSTEM])
    );

    // With a proxy, packets go only to the proxy.
    let url = format!("http://{PROXY}");
    let proxied = scan(&asked, &["--resolver", GIVEN, "--proxy", &url], &[]).await;
    let proxy: SocketAddr = PROXY.parse().unwrap();
    assert_eq!(
        (proxied.traffic.connected_to(), proxied.traffic.asked()),
        ([proxy].into(), given)
    );
    let tunnels: BTreeSet<SocketAddr> = (proxied.asked[&proxy].iter())
        .filter_map(|head| {
            head.strip_prefix("CONNECT ")?
                .split(' ')
                .next()?
                .parse()
                .ok()
        })
        .collect();
    assert_eq!(tunnels, scope(false));
}

/// Environment variables that redirect other programs or make them write files.
fn environment(folder: &Path) -> Vec<(&'static str, String)> {
    let proxy = format!("http://{ELSEWHERE}:3128");
    let file = |name: &str| folder.join(name).display().to_string();
    let mut all: Vec<(&str, String)> = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ]
    .map(|name| (name, proxy.clone()))
    .into();
    all.extend([
        ("NO_PROXY", "192.0.2.1".to_owned()),
        ("SSL_CERT_FILE", file("none.pem")),
        ("SSL_CERT_DIR", file("none")),
        ("CURL_CA_BUNDLE", file("none.pem")),
        ("SSLKEYLOGFILE", file("keys.log")),
        ("OPENSSL_CONF", file("openssl.cnf")),
        (
            "RES_OPTIONS",
            "ndots:9 attempts:9 timeout:1 rotate".to_owned(),
        ),
        ("LOCALDOMAIN", "elsewhere.example".to_owned()),
        ("HOSTALIASES", file("aliases")),
        ("KUBECONFIG", file("config")),
        ("KUBERNETES_SERVICE_HOST", ELSEWHERE.to_owned()),
        ("KUBERNETES_SERVICE_PORT", "443".to_owned()),
        ("HOME", folder.display().to_string()),
        ("XDG_CONFIG_HOME", folder.display().to_string()),
        ("TMPDIR", std::env::temp_dir().display().to_string()),
        ("NETRC", file("netrc")),
        ("TZ", "Pacific/Kiritimati".to_owned()),
        ("LC_ALL", "tr_TR.UTF-8".to_owned()),
    ]);
    all
}

/// Every request is, byte for byte, one of the list in `docs/security.md`.
fn documented(asked: &BTreeMap<SocketAddr, Vec<String>>, more: &[&str]) {
    let mut lines = documented_lines();
    lines.extend(more.iter().map(|line| (*line).to_owned()));
    let mut seen = 0;
    for (server, head) in asked
        .iter()
        .flat_map(|(server, heads)| heads.iter().map(move |head| (server, head)))
    {
        let (hosts, prefix) = hosts_and_prefix(*server);
        let run_id: kubeknock::config::RunId = RUN_ID.parse().unwrap();
        let agent = run_id.in_user_agent(kubeknock::config::USER_AGENT);
        let known = |line: &String| {
            let (method, path) = line.split_once(' ').unwrap();
            hosts.iter().any(|host| {
                let headers = format!("host: {host}\r\nuser-agent: {agent}\r\naccept: */*");
                *head == format!("{method} {prefix}{path} HTTP/1.1\r\n{headers}\r\n\r\n")
            })
        };
        assert!(lines.iter().any(known), "{server} was sent {head:?}");
        seen += 1;
    }
    assert!(seen > 100, "only {seen} requests");
}

/// The host headers and the path prefix with which a server may be requested.
fn hosts_and_prefix(server: SocketAddr) -> (Vec<String>, &'static str) {
    let address = match server.ip() {
        IpAddr::V6(address) => format!("[{address}]"),
        IpAddr::V4(address) => address.to_string(),
    };
    let names: &[&str] = match address.as_str() {
        "203.0.113.10" | "[2001:db8:53::10]" => &["in.example"],
        "203.0.113.11" | "[2001:db8:53::11]" => &["mixed.example"],
        "203.0.113.14" => &["alias.example"],
        "203.0.113.20" => &["hosted.example"],
        "198.18.0.8" => &["internal.example"],
        // By its address, and by a name that leads to it.
        "127.0.0.9" => &["127.0.0.9", "special.example"],
        own => &[own],
    };
    let with_port = |host: &&str| {
        if server.port() == 443 {
            (*host).to_owned()
        } else {
            format!("{host}:{}", server.port())
        }
    };
    let prefix = if address == "198.18.0.6" {
        "/k8s/clusters/c-1"
    } else {
        ""
    };
    (names.iter().map(with_port).collect(), prefix)
}

/// The lines of the blocks marked `http` in `docs/security.md`.
fn documented_lines() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page
        .split("```http\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let lines = blocks
        .flat_map(str::lines)
        .filter(|line| line.starts_with("GET /") || line.starts_with("HEAD /"));
    lines.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_security_page_lists_exactly_the_requests() {
    let plain = ALWAYS
        .iter()
        .chain(&AFTER_401)
        .map(|path| format!("GET {path}"));
    let own = |request: kubeknock::model::Request| {
        let form = request.without_head();
        [Some(request), form]
            .into_iter()
            .flatten()
            .map(|request| format!("{} {}", request.method.as_str(), request.path))
    };
    let asked: BTreeSet<String> = plain.chain(deep().flat_map(own)).collect();
    let listed = documented_lines();
    let listed_once: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(listed_once, asked);
}
