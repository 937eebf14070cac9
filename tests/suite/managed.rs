//! Managed clusters: what inventories declare, against simulated servers of each provider and posture.
//!
//! The names of the inventories lead to documentation addresses by a name server of the test's own. A proxy of the
//! test's own connects those addresses to the simulated servers, so every server answers at port 443 of a public address.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use kubeknock::simulator::{self, Scenario, SimulatedServer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::name_server::NameServer;
use crate::skip::skipped;
use crate::support::{ANY, documentation_counts, pem, run, serve, stderr, stdout};

/// What a GKE cluster is known by at a bare address: the name of its CA.
const GKE: &str = "issuer = 'CN=1f0c2a5e-3c1d-4a6f-9a39-5b7d2f6a1c11'\n\
                   client_cas = ['CN=1f0c2a5e-3c1d-4a6f-9a39-5b7d2f6a1c11']";

/// Servers at addresses of 203.0.113.0/24, and the way to them.
struct Estate {
    names: NameServer,
    proxy: SocketAddr,
    /// They answer until the estate is dropped.
    _servers: Vec<SimulatedServer>,
}

impl Estate {
    /// Servers by the last byte of their address.
    async fn start(servers: Vec<(u8, Arc<Scenario>)>) -> Self {
        let (mut routes, mut running) = (BTreeMap::new(), Vec::new());
        for (last, scenario) in servers {
            let server = serve(scenario).await;
            routes.insert(Ipv4Addr::new(203, 0, 113, last), server.address());
            running.push(server);
        }
        let listener = TcpListener::bind(ANY).await.unwrap();
        let proxy = listener.local_addr().unwrap();
        let routes = Arc::new(routes);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let routes = Arc::clone(&routes);
                tokio::spawn(async move { tunnel(client, &routes).await });
            }
        });
        Self {
            names: NameServer::start().await,
            proxy,
            _servers: running,
        }
    }

    /// A scan of inventories with the program: its JSON report, SARIF log, HTML page and table.
    async fn scan(&self, inventories: &[&str], options: &[&str]) -> Scan {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let formats = ["json", "sarif", "html"];
        let mut args: Vec<String> = ["scan", "--fail-on", "never", "--retries", "0", "--resolver"]
            .map(str::to_owned)
            .into();
        args.push(self.names.address.to_string());
        args.extend(["--proxy".to_owned(), format!("http://{}", self.proxy)]);
        args.extend(options.iter().map(|option| (*option).to_owned()));
        for format in formats {
            args.extend(["-o".to_owned(), format!("{format}={}", path(format))]);
        }
        args.extend(["-o".to_owned(), "table".to_owned()]);
        for (number, inventory) in inventories.iter().enumerate() {
            let file = path(&number.to_string());
            fs::write(&file, inventory).unwrap();
            args.extend(["--from".to_owned(), "auto".to_owned(), file]);
        }
        let output = tokio::task::spawn_blocking(move || {
            run(&args.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .await
        .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let [json, sarif, html] = formats.map(|format| fs::read_to_string(path(format)).unwrap());
        Scan {
            report: serde_json::from_str(&json).unwrap(),
            sarif: serde_json::from_str(&sarif).unwrap(),
            html,
            table: stdout(&output),
        }
    }
}

/// An HTTP proxy that knows some addresses.
async fn tunnel(mut client: TcpStream, routes: &BTreeMap<Ipv4Addr, SocketAddr>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.strip_prefix("CONNECT ")?.split(' ').next()?;
    let target: SocketAddr = target.parse().unwrap();
    let route = routes.iter().find(|(address, _)| **address == target.ip());
    let Some((_, server)) = route else {
        let refusal = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
        client.write_all(refusal).await.ok()?;
        return None;
    };
    let mut server = TcpStream::connect(server).await.ok()?;
    let opened = b"HTTP/1.1 200 Connection established\r\n\r\n";
    client.write_all(opened).await.ok()?;
    copy_bidirectional(&mut client, &mut server).await.ok()?;
    Some(())
}

/// What a scan wrote.
struct Scan {
    report: Value,
    sarif: Value,
    html: String,
    table: String,
}

impl Scan {
    /// The endpoint with this name.
    fn endpoint(&self, name: &str) -> &Value {
        let endpoints = self.report["endpoints"].as_array().unwrap();
        let found = endpoints.iter().find(|endpoint| endpoint["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}: {}", self.table))
    }

    /// How a fact of an endpoint compares: the result and the sentence.
    fn compared(&self, name: &str, fact: &str) -> (&str, &str) {
        let compared = self.endpoint(name)["compared"].as_array().unwrap();
        let found = compared.iter().find(|compared| compared["fact"] == fact);
        found.map_or(("", ""), |found| {
            let text = |key: &str| found[key].as_str().unwrap();
            (text("result"), text("sentence"))
        })
    }

    /// The rules and messages of the findings about an endpoint.
    fn findings(&self, name: &str) -> Vec<(&str, &str)> {
        let findings = self.report["findings"].as_array().unwrap().iter();
        findings
            .filter(|finding| finding["name"] == name)
            .map(|finding| {
                let text = |key: &str| finding[key].as_str().unwrap();
                (text("rule"), text("message"))
            })
            .collect()
    }

    /// The severity of what a rule found at an endpoint.
    fn severity(&self, name: &str, rule: &str) -> &str {
        let mut findings = self.report["findings"].as_array().unwrap().iter();
        let found = findings.find(|finding| finding["name"] == name && finding["rule"] == rule);
        found.map_or("", |finding| finding["severity"].as_str().unwrap())
    }

    /// The rule has found this, and SARIF and HTML show it.
    #[track_caller]
    fn shows(&self, name: &str, rule: &str, message: &str) {
        let findings = self.findings(name);
        let found = findings
            .iter()
            .find(|(id, text)| *id == rule && text.contains(message));
        let (_, text) = found.unwrap_or_else(|| panic!("{name}: {rule}, {message}: {findings:#?}"));
        let results = self.sarif["runs"][0]["results"].as_array().unwrap();
        let in_sarif = results.iter().any(|result| {
            let message = result["message"]["text"].as_str().unwrap();
            result["ruleId"] == rule && message.contains(text)
        });
        assert!(in_sarif, "{rule}: {text} is not in {results:#?}");
        assert!(self.html.contains(text), "{rule}: {text} is not in HTML");
    }

    /// SARIF has this sentence about a declared fact, whether it differs or not.
    #[track_caller]
    fn notes(&self, name: &str, sentence: &str) {
        let invocation = &self.sarif["runs"][0]["invocations"][0];
        let notices = invocation["toolExecutionNotifications"].as_array().unwrap();
        let is_noted = notices.iter().any(|notice| {
            let text = notice["message"]["text"].as_str().unwrap();
            text.starts_with(&format!("{name} ")) && text.ends_with(&format!(": {sentence}."))
        });
        assert!(is_noted, "{name}: {sentence} is not in {notices:#?}");
    }

    #[track_caller]
    fn has_no(&self, name: &str, rule: &str) {
        let findings = self.findings(name);
        assert!(
            findings.iter().all(|(id, _)| *id != rule),
            "{name}: {findings:#?}"
        );
    }
}

/// A built-in scenario with other TLS names and, where it shows one, another version.
fn like(base: &str, tls: &str, version: Option<&str>) -> Arc<Scenario> {
    let expect = simulator::scenario(base).unwrap().expect;
    let version = version.map_or_else(String::new, |version| {
        format!(
            "[[reply]]\npath = '/version'\nstatus = 200\nheaders = [['Content-Type', 'application/json']]\n\
             body = '{{\"major\":\"1\",\"minor\":\"1\",\"gitVersion\":\"{version}\"}}'\n"
        )
    });
    let text = format!(
        "name = 'x'\nabout = 'x'\nsource = 'x'\nexpect = '{expect}'\nextends = '{base}'\n[tls]\n{tls}\n{version}"
    );
    Arc::new(Scenario::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

const POSTURES: [&str; 4] = ["health-only", "default", "rejecting", "exposed"];

/// A cluster in the output of gcloud.
fn gke(name: &str, last: u8, version: &str, mode: Option<&str>) -> Value {
    let mut cluster = json!({
        "name": name, "location": "europe-west1", "endpoint": format!("203.0.113.{last}"),
        "currentMasterVersion": version, "status": "RUNNING"
    });
    if let Some(mode) = mode {
        cluster["anonymousAuthenticationConfig"] = json!({ "mode": mode });
    }
    cluster
}

/// A declared setting, a posture, and what must come of both: the result, a part of the sentence, the rule, and what
/// its finding says.
type Cell = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const LIMITED: &str = "LIMITED declared, health paths alone open: confirmed from outside";
const ENABLED: &str =
    "ENABLED declared, anonymous requests are authorized like others: confirmed from outside";

#[rustfmt::skip]
const CELLS: [Cell; 12] = [
    ("LIMITED", "health-only", "confirmed", LIMITED, "anonymous-auth-limited", "limited to"),
    ("LIMITED", "default", "more-open",
        "observed: forbidden with version and health open: more open than declared",
        "anonymous-auth-unexpected", "more open than declared (LIMITED; likely causes:"),
    ("LIMITED", "rejecting", "stricter", "observed: rejected: stricter than declared",
        "stricter-than-declared", "stricter than declared"),
    ("LIMITED", "exposed", "more-open", "observed: exposed: more open than declared",
        "anonymous-discovery-exposed", "more open than declared (LIMITED; likely causes:"),
    ("ENABLED", "health-only", "stricter", "observed: limited to health: stricter than declared",
        "anonymous-auth-limited", "stricter than declared (ENABLED; likely causes:"),
    ("ENABLED", "default", "confirmed", ENABLED, "anonymous-auth-enabled", "system:anonymous"),
    ("ENABLED", "rejecting", "stricter", "observed: rejected: stricter than declared",
        "stricter-than-declared", "stricter than declared"),
    ("ENABLED", "exposed", "confirmed", ENABLED, "anonymous-discovery-exposed", "read"),
    ("", "health-only", "not-compared", "observed: limited to health", "anonymous-auth-limited", "limited to"),
    ("", "default", "not-compared", "observed: forbidden with version and health open",
        "anonymous-auth-enabled", "system:anonymous"),
    ("", "rejecting", "not-compared", "observed: rejected", "", ""),
    ("", "exposed", "not-compared", "observed: exposed", "anonymous-discovery-exposed", "read"),
];

/// A version for which two answers are documented, and one for which nothing is known.
const VERSIONS: [(&str, &str); 2] = [
    (
        "1.35.3-gke.1000000",
        "documented for 1.35: forbidden with version and health open (mode ENABLED) or limited to health (mode LIMITED)",
    ),
    (
        "1.99.0-gke.1",
        "documented for 1.99: not known (of GKE, releases up to 1.37 are known, and this is 1.99)",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_setting_of_gke_against_every_answer() {
    let places: Vec<(&str, &str)> = POSTURES
        .iter()
        .flat_map(|posture| VERSIONS.map(|(version, _)| (*posture, version)))
        .collect();
    let servers = (0..).zip(&places).map(|(last, (posture, version))| {
        let is_shown = ["default", "exposed"].contains(posture);
        let version = format!("v{version}");
        (last, like(posture, GKE, is_shown.then_some(&*version)))
    });
    let estate = Estate::start(servers.collect()).await;
    for setting in ["LIMITED", "ENABLED", ""] {
        let mode = Some(setting).filter(|setting| !setting.is_empty());
        let clusters = (0..).zip(&places).map(|(last, (posture, version))| {
            gke(&format!("{posture}-{version}"), last, version, mode)
        });
        let inventory = clusters.collect::<Value>().to_string();
        let scan = estate.scan(&[&inventory], &[]).await;
        let cells = CELLS.iter().filter(|(one, ..)| *one == setting);
        for (_, posture, result, sentence, rule, message) in cells {
            for (version, documented) in VERSIONS {
                let name = format!("{posture}-{version}");
                let (seen, text) = scan.compared(&name, "anonymous-requests");
                assert_eq!(seen, *result, "{setting} {name}: {text}");
                assert!(text.contains(sentence), "{setting} {name}: {text}");
                assert!(
                    *result == "confirmed" || text.contains(documented) || !documentation_counts(),
                    "{setting} {name}: {text}"
                );
                assert!(scan.html.contains(text), "{text}");
                scan.notes(&name, text);
                if rule.is_empty() {
                    scan.has_no(&name, "stricter-than-declared");
                } else {
                    scan.shows(&name, rule, message);
                }
                if *result == "more-open" {
                    assert_eq!(scan.severity(&name, rule), "high", "{setting} {name}");
                }
                scan.has_no(&name, "identified-as-another-product");
                assert_eq!(scan.compared(&name, "product").0, "confirmed", "{name}");
            }
        }
    }
}

/// A server that limits anonymous requests to health, and whose authorization stops these paths besides or instead.
fn stopping(paths: &[&str]) -> Arc<Scenario> {
    let replies: Vec<String> = paths
        .iter()
        .map(|path| {
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden",
                "message": format!("forbidden: User \"system:anonymous\" cannot get path \"{path}\""),
                "details": {}, "code": 403
            });
            format!(
                "[[reply]]\npath = '{path}'\nstatus = 403\nheaders = [['Content-Type', 'application/json']]\n\
                 body = '{status}'\n"
            )
        })
        .collect();
    let replies = replies.concat();
    let text = format!(
        "name = 'x'\nabout = 'x'\nsource = 'x'\nexpect = 'limited'\nextends = 'health-only'\n[tls]\n{GKE}\n{replies}"
    );
    Arc::new(Scenario::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

/// A path that authorization stops was accepted by authentication: that is more than LIMITED at any path but health, and
/// less than LIMITED at health.
#[tokio::test(flavor = "multi_thread")]
async fn what_authorization_stops_is_said_and_never_confirms_limited() {
    let health = ["/healthz", "/livez", "/readyz"];
    let estate = Estate::start(vec![
        (1, stopping(&["/version"])),
        (2, stopping(&health)),
        (3, stopping(&["/readyz"])),
    ])
    .await;
    let clusters: Value = [("version", 1), ("health", 2), ("readyz", 3)]
        .map(|(name, last)| gke(name, last, "1.35.3-gke.1", Some("LIMITED")))
        .into_iter()
        .collect();
    let paths = ["--path", "/livez", "--path", "/readyz"];
    let scan = estate.scan(&[&clusters.to_string()], &paths).await;
    for (name, result, seen, rule, message) in [
        (
            "version",
            "more-open",
            "observed: limited to health, and /version was accepted and stopped by authorization (403): more open than \
             declared",
            "anonymous-auth-unexpected",
            "anonymous requests are limited to /healthz, /livez and /readyz, and /version was accepted and stopped by \
             authorization (403)",
        ),
        (
            "health",
            "stricter",
            "observed: limited to paths with no grant among them: /healthz, /livez and /readyz were accepted and stopped \
             by authorization (403): stricter than declared",
            "anonymous-auth-limited",
            "anonymous requests are limited: /healthz, /livez and /readyz were accepted and stopped by authorization (403)",
        ),
        (
            "readyz",
            "stricter",
            "observed: limited to /healthz and /livez, and /readyz was accepted and stopped by authorization (403): \
             stricter than declared",
            "anonymous-auth-limited",
            "anonymous requests are limited to /healthz and /livez, and /readyz was accepted and stopped by authorization \
             (403)",
        ),
    ] {
        let (found, text) = scan.compared(name, "anonymous-requests");
        assert_eq!(found, result, "{text}");
        assert!(text.contains(seen), "{text}");
        assert!(scan.html.contains(text), "{text}");
        scan.shows(name, rule, message);
    }
    let stopped = "health only; /version was accepted and stopped by authorization (403)";
    assert!(scan.table.contains(stopped), "{}", scan.table);
    assert!(
        !scan.html.contains("Leave it as it is:"),
        "the advice to leave it has a condition"
    );
}

/// One report must not say two things: its finding and its sentence use the documentation of what answers.
#[tokio::test(flavor = "multi_thread")]
async fn where_another_product_answers_sentence_and_finding_agree() {
    if !documentation_counts() {
        return skipped("what is documented is too old to be compared: look at the sources again");
    }
    let answers = like("default", "", Some("v1.33.5-eks-5e0fdde"));
    let estate = Estate::start(vec![(1, answers)]).await;
    let inventory = json!([gke("other", 1, "1.31.3-gke.1", None)]).to_string();
    let scan = estate.scan(&[&inventory], &[]).await;
    assert_eq!(
        scan.compared("other", "anonymous-requests").1,
        "not declared; documented for EKS 1.33, which answers where GKE is declared: limited to health; observed: \
         forbidden with version and health open: more open than documented"
    );
    scan.shows(
        "other",
        "anonymous-auth-unexpected",
        "more open than documented (limited to health)",
    );
    scan.shows(
        "other",
        "identified-as-another-product",
        "GKE declared, and identified as EKS",
    );
}

/// AKS: declared networks, in both spellings, against the address from which it is asked.
#[tokio::test(flavor = "multi_thread")]
async fn networks_of_aks_against_the_address_that_asks() {
    let estate = Estate::start(
        (1..=8)
            .map(|last| (last, like("rejecting", "", None)))
            .collect(),
    )
    .await;
    let host =
        |name: &str, last: u8| format!("{name}-dns-000000{last:02x}.hcp.westeurope.azmk8s.io");
    let cli = |name: &str, last, ranges: Value| json!({"name": name, "fqdn": host(name, last), "apiServerAccessProfile": {"authorizedIpRanges": ranges, "enablePrivateCluster": null}});
    let arm = |name: &str, last, access: Value| {
        json!({
            "id": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/{name}"),
            "name": name, "properties": {"fqdn": host(name, last), "nodeResourceGroup": "MC", "apiServerAccessProfile": access}
        })
    };
    let spelled = json!([
        cli("anybody", 1, Value::Null),
        cli("inside", 2, json!(["198.51.100.0/24"])),
        cli("outside", 3, json!(["192.0.2.0/25", "192.0.2.128/25"])),
        cli("unreadable", 4, json!(["192.0.2.0/24", "AzureCloud"])),
        cli("own-outbound", 8, json!(["0.0.0.0/32"])),
    ]);
    let wrapped = json!({"value": [
        arm("arm-inside", 5, json!({"authorizedIPRanges": ["198.51.100.9"]})),
        arm("arm-outside", 6, json!({"authorizedIPRanges": ["192.0.2.0/24"]})),
        arm("arm-private", 7, json!({"enablePrivateCluster": true})),
    ]});
    let inventories = [spelled.to_string(), wrapped.to_string()];
    let inventories: Vec<&str> = inventories.iter().map(String::as_str).collect();
    let scan = estate
        .scan(&inventories, &["--egress-address", "198.51.100.9"])
        .await;
    for (name, result, sentence) in [
        (
            "anybody",
            "confirmed",
            "open to any network declared, and it answers",
        ),
        (
            "inside",
            "confirmed",
            "open to 198.51.100.0/24 declared, and it answers 198.51.100.9, which is admitted",
        ),
        (
            "outside",
            "differs",
            "open to 2 networks declared, and it answers 198.51.100.9, which is not admitted",
        ),
        (
            "unreadable",
            "not-compared",
            "open to 192.0.2.0/24 and 1 unreadable network declared; not compared: 1 network could not be read",
        ),
        (
            "own-outbound",
            "not-compared",
            "open to 0.0.0.0/32 declared; not compared: 0.0.0.0/32 admits the cluster's own outbound addresses",
        ),
        (
            "arm-inside",
            "confirmed",
            "open to 198.51.100.9/32 declared, and it answers 198.51.100.9, which is admitted",
        ),
        (
            "arm-outside",
            "differs",
            "open to 192.0.2.0/24 declared, and it answers 198.51.100.9, which is not admitted",
        ),
        (
            "arm-private",
            "differs",
            "private declared, and it answers at 203.0.113.7, which is not a private address",
        ),
    ] {
        assert_eq!(scan.compared(name, "reach"), (result, sentence), "{name}");
        assert!(scan.html.contains(sentence), "{sentence}");
        scan.notes(name, sentence);
        if result == "differs" {
            scan.shows(name, "private-endpoint-reachable", sentence);
        } else {
            scan.has_no(name, "private-endpoint-reachable");
        }
    }
}

/// The name of an EKS cluster whose address ends with this byte.
fn eks_name(last: u8) -> String {
    format!("000000000000000000000000000000{last:02x}.gr7.eu-west-1.eks.amazonaws.com")
}

/// A cluster in the output of `aws eks describe-cluster`.
fn eks(name: &str, last: u8, version: &str) -> Value {
    json!({"cluster": {
        "name": name, "version": version, "endpoint": format!("https://{}", eks_name(last)), "status": "ACTIVE",
        "arn": format!("arn:aws:eks:eu-west-1:111122223333:cluster/{name}")
    }})
}

/// EKS and AKS declare nothing about anonymous requests: the product and its version decide.
#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_declared_the_documentation_is_compared() {
    if !documentation_counts() {
        return skipped("what is documented is too old to be compared: look at the sources again");
    }
    let estate = Estate::start(vec![
        (1, like("health-only", "", None)),
        (2, like("default", "", Some("v1.31.5-eks-5e0fdde"))),
        (3, like("default", "", Some("v1.33.5-eks-113cf36"))),
        (4, like("rejecting", "", None)),
        (5, like("default", "", Some("v1.35.7"))),
        (6, like("health-only", "", None)),
    ])
    .await;
    let eks = json!([
        eks("as-documented", 1, "1.33"),
        eks("older", 2, "1.31"),
        eks("open", 3, "1.33"),
        eks("hidden", 6, "1.31"),
    ]);
    let aks = json!([
        {"name": "closed", "fqdn": "closed-dns-00000004.hcp.westeurope.azmk8s.io", "currentKubernetesVersion": "1.35.7"},
        {"name": "accepts", "fqdn": "accepts-dns-00000005.hcp.westeurope.azmk8s.io", "currentKubernetesVersion": "1.35.7"},
    ]);
    let scan = estate
        .scan(&[&eks.to_string(), &aks.to_string()], &[])
        .await;
    let forbidden = "forbidden with version and health open";
    for (name, sentence) in [
        (
            "as-documented",
            "not declared; documented for 1.33: limited to health; observed: limited to health"
                .to_owned(),
        ),
        (
            "older",
            format!("not declared; documented for 1.31: {forbidden}; observed: {forbidden}"),
        ),
        (
            "open",
            format!(
                "not declared; documented for 1.33: limited to health; observed: {forbidden}: more open than documented"
            ),
        ),
        (
            "hidden",
            format!(
                "not declared; documented for 1.31: {forbidden}; observed: limited to health: stricter, where asked, than documented"
            ),
        ),
        (
            "closed",
            "not declared; documented for 1.35: rejected; observed: rejected".to_owned(),
        ),
        (
            "accepts",
            format!(
                "not declared; documented for 1.35: rejected; observed: {forbidden}: more open than documented"
            ),
        ),
    ] {
        assert_eq!(
            scan.compared(name, "anonymous-requests"),
            ("not-compared", &*sentence)
        );
        assert!(scan.html.contains(&sentence));
    }
    scan.shows(
        "open",
        "anonymous-auth-unexpected",
        "more open than documented (limited to health)",
    );
    scan.shows(
        "accepts",
        "anonymous-auth-unexpected",
        "more open than documented (rejected)",
    );
    scan.has_no("as-documented", "anonymous-auth-unexpected");
    let sentence = scan.endpoint("as-documented")["posture"]["sentence"]
        .as_str()
        .unwrap();
    assert!(
        sentence.starts_with("EKS, version not shown (1.33 declared): "),
        "{sentence}"
    );
}

fn base64(bytes: &[u8]) -> String {
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn reach_ca_product_and_version_are_compared() {
    let scenario = |version: &str| like("default", "", Some(version));
    let own = scenario("v1.33.5-eks-5e0fdde");
    let authority =
        |scenario: &Scenario| base64(pem(&scenario.issuer().unwrap().unwrap()).as_bytes());
    let (right, wrong) = (authority(&own), authority(&scenario("v1.33.5-eks-5e0fdde")));
    let estate = Estate::start(vec![
        (1, Arc::clone(&own)),
        (2, Arc::clone(&own)),
        (3, like("default", GKE, Some("v1.33.5-gke.100"))),
        (4, Arc::clone(&own)),
    ])
    .await;
    let cluster = |name: &str, last, change: &dyn Fn(&mut Value)| {
        let mut cluster = eks(name, last, "1.33");
        change(&mut cluster["cluster"]);
        cluster
    };
    let good = cluster("good", 1, &|cluster| {
        cluster["certificateAuthority"] = json!({"data": right});
        cluster["resourcesVpcConfig"] =
            json!({"endpointPublicAccess": true, "publicAccessCidrs": ["198.51.100.0/24"]});
        cluster["logging"] = json!({"clusterLogging": [{"types": ["audit"], "enabled": true}]});
    });
    let bad = cluster("bad", 2, &|cluster| {
        cluster["version"] = json!("1.34");
        cluster["certificateAuthority"] = json!({"data": wrong});
        cluster["logging"] = json!({"clusterLogging": [{"types": ["audit"], "enabled": false}]});
    });
    let inside = cluster("inside", 4, &|cluster| {
        cluster["resourcesVpcConfig"] = json!({"endpointPublicAccess": false});
    });
    let other = gke("other", 3, "1.33.5-gke.100", None);
    let mut other_eks = eks("eks-at-gke", 3, "1.33");
    other_eks["cluster"]["endpoint"] = json!("https://203.0.113.3");
    let inventories = [
        json!([good, bad, inside, other_eks]).to_string(),
        json!([other]).to_string(),
    ];
    let inventories: Vec<&str> = inventories.iter().map(String::as_str).collect();
    let scan = estate
        .scan(&inventories[..1], &["--egress-address", "198.51.100.9"])
        .await;
    for (fact, sentence) in [
        (
            "reach",
            "open to 198.51.100.0/24 declared, and it answers 198.51.100.9, which is admitted",
        ),
        (
            "certificate-authority",
            "the cluster's CA (CN=kubernetes) signed the certificate",
        ),
        ("product", "EKS declared, and identified as EKS"),
        (
            "version",
            "1.33 declared, and the server shows v1.33.5-eks-5e0fdde",
        ),
    ] {
        assert_eq!(scan.compared("good", fact), ("confirmed", sentence));
    }
    for (name, rule, message) in [
        (
            "inside",
            "private-endpoint-reachable",
            "private declared, and it answers at 203.0.113.4, which is not a private address",
        ),
        (
            "bad",
            "certificate-not-of-this-cluster",
            "a given CA has the name of its issuer, but that CA did not sign it",
        ),
        (
            "bad",
            "declared-version-differs",
            "1.34 declared, and the server shows v1.33.5-eks-5e0fdde",
        ),
        (
            "bad",
            "audit-logging-off",
            "the inventory says that the audit log is off",
        ),
        (
            "eks-at-gke",
            "identified-as-another-product",
            "EKS declared, and identified as GKE",
        ),
    ] {
        scan.shows(name, rule, message);
        scan.has_no("good", rule);
    }
    // From an address that is not admitted, and from one that is not known.
    let outside = estate
        .scan(&inventories[..1], &["--egress-address", "192.0.2.9"])
        .await;
    outside.shows(
        "good",
        "private-endpoint-reachable",
        "open to 198.51.100.0/24 declared, and it answers 192.0.2.9, which is not admitted",
    );
    let unknown = estate.scan(&inventories[..1], &[]).await;
    assert_eq!(
        unknown.compared("good", "reach"),
        (
            "not-compared",
            "open to 198.51.100.0/24 declared; not compared: this machine's public address is not known"
        )
    );
    unknown.has_no("good", "private-endpoint-reachable");
    let gke = estate.scan(&inventories[1..], &[]).await;
    assert_eq!(gke.compared("other", "product").0, "confirmed");
}

/// Another server cannot confirm what is declared of this cluster. What it opens keeps its own finding.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_this_cluster_confirms_nothing() {
    let authority =
        |scenario: &Scenario| base64(pem(&scenario.issuer().unwrap().unwrap()).as_bytes());
    let wrong = authority(&like("default", "", None));
    let estate = Estate::start(vec![
        (1, like("health-only", GKE, None)),
        (2, like("exposed", GKE, None)),
    ])
    .await;
    let cluster = |name, last, mode, ca: &str| {
        let mut cluster = gke(name, last, "1.35.3-gke.1", Some(mode));
        cluster["masterAuth"] = json!({"clusterCaCertificate": ca});
        cluster["masterAuthorizedNetworksConfig"] = json!({"enabled": true,
            "gcpPublicCidrsAccessEnabled": false, "cidrBlocks": [{"cidrBlock": "198.51.100.0/24"}]});
        cluster
    };
    let inventory = json!([
        cluster("limited", 1, "LIMITED", &wrong),
        cluster("open", 2, "ENABLED", &wrong),
    ]);
    let scan = estate
        .scan(
            &[&inventory.to_string()],
            &["--egress-address", "198.51.100.9"],
        )
        .await;
    let why = "not compared, because another server answers (the cluster's CA does not stand behind its certificate)";
    for (name, setting) in [("limited", "LIMITED"), ("open", "ENABLED")] {
        let sentence = format!("{setting} declared; {why}");
        assert_eq!(
            scan.compared(name, "anonymous-requests"),
            ("not-compared", &*sentence)
        );
        assert!(scan.html.contains(&sentence), "{sentence}");
        let sentence = format!("open to 198.51.100.0/24 declared; {why}");
        assert_eq!(scan.compared(name, "reach"), ("not-compared", &*sentence));
        scan.shows(name, "certificate-not-of-this-cluster", "");
    }
    scan.shows("open", "anonymous-discovery-exposed", "read");
    assert!(!scan.table.contains("as declared"), "{}", scan.table);
}

/// The estate behind the samples of inventories.
async fn sample_estate() -> Estate {
    Estate::start(vec![
        (0x3d, like("rejecting", "", None)),
        (0x1b, like("rejecting", "", None)),
        (10, like("health-only", GKE, None)),
        (11, like("default", GKE, Some("v1.34.4-gke.1000000"))),
        (0xef, like("health-only", "", None)),
    ])
    .await
}

const SAMPLES: [&str; 3] = [
    include_str!("../data/inventories/aks.json"),
    include_str!("../data/inventories/gke.json"),
    include_str!("../data/inventories/eks.json"),
];

/// docs/managed.md shows lines of the table, and a row for each fact that was compared.
#[tokio::test(flavor = "multi_thread")]
async fn the_worked_example_is_what_comes_out() {
    if !documentation_counts() {
        return skipped("what is documented is too old to be compared: look at the sources again");
    }
    let page = include_str!("../../docs/managed.md");
    let scan = sample_estate()
        .await
        .scan(&SAMPLES, &["--egress-address", "198.51.100.9"])
        .await;
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let table: Vec<String> = scan.table.lines().map(words).collect();
    let (_, shown) = page.split_once("```text\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let mut left: Vec<&String> = table.iter().collect();
    for line in shown.lines() {
        let line = words(line);
        let at = left.iter().position(|one| **one == line);
        left.remove(at.unwrap_or_else(|| panic!("no {line}\n{}", scan.table)));
    }
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [name, fact, sentence] = cells.as_slice() else {
            return None;
        };
        let row = (
            name.strip_prefix("| `")?.strip_suffix('`')?.to_owned(),
            (*fact).to_owned(),
            sentence.strip_suffix(" |")?.to_owned(),
        );
        Some(row)
    });
    let endpoints = scan.report["endpoints"].as_array().unwrap().iter();
    let compared = endpoints.flat_map(|endpoint| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let label = &endpoint["declared"]["provider"];
        let name = format!("{} {}", text(label), text(&endpoint["name"]));
        let facts = endpoint["compared"].as_array().unwrap().iter();
        facts.map(move |fact| (name.clone(), text(&fact["fact"]), text(&fact["sentence"])))
    });
    let (rows, compared): (Vec<_>, Vec<_>) = (rows.collect(), compared.collect());
    assert_eq!(rows, compared, "{}", scan.table);
}

#[test]
fn a_machine_has_one_egress_address_of_each_family() {
    let scan = |addresses: &[&str]| {
        let mut args = vec!["scan", "--dry-run", "192.0.2.1"];
        args.extend(
            addresses
                .iter()
                .flat_map(|address| ["--egress-address", address]),
        );
        run(&args)
    };
    let both = scan(&["198.51.100.9", "2001:db8::9"]);
    assert_eq!(both.status.code(), Some(0), "{}", stderr(&both));
    let two = scan(&["198.51.100.9", "198.51.100.10"]);
    assert_eq!(two.status.code(), Some(2));
    assert!(
        stderr(&two).contains("--egress-address: may be given once for IPv4 and once for IPv6"),
        "{}",
        stderr(&two)
    );
    for private in ["10.0.0.1", "127.0.0.1", "fd00::1"] {
        let refused = scan(&[private]);
        assert_eq!(refused.status.code(), Some(2), "{private}");
        let error = stderr(&refused);
        assert!(
            error.contains("--egress-address: must be a public address"),
            "{error}"
        );
    }
}
