//! The labelled corpus: servers built from published facts, over real sockets and real TLS, and how each is
//! identified.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use kubeknock::model::{Component, EndpointReport, Identification, Verdict};
use kubeknock::simulator::{self, Scenario, SimulatedServer};
use serde::Deserialize;

use crate::support::{config, documentation_counts, scan, serve, targets};

/// A server and its label.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    product: String,
    name: String,
    /// The expected product if it is not the label itself: the one it is built on, if nothing else shows.
    is: Option<String>,
    /// The expected tie, if several products match equally well.
    tie: Option<Vec<String>>,
    #[serde(default)]
    unknown: bool,
    host: Option<String>,
    version: Option<String>,
    subject: Option<String>,
    issuer: Option<String>,
    #[serde(default)]
    sans: Vec<String>,
    client_cas: Option<Vec<String>>,
    transport_security: Option<String>,
    answers: String,
    /// The expected posture status, in the words of reports.
    status: Option<String>,
}

#[derive(Deserialize)]
struct Corpus {
    case: Vec<Case>,
}

fn corpus() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/products.toml");
    toml::from_str::<Corpus>(&fs::read_to_string(path).unwrap())
        .unwrap()
        .case
}

impl Case {
    /// The expected identification, in the words of [`said`].
    fn right(&self) -> String {
        match (&self.tie, &self.is) {
            _ if self.unknown => "unknown".to_owned(),
            (Some(tied), _) => format!("tie: {}", tied.join(", ")),
            (None, Some(is)) => is.clone(),
            (None, None) => self.product.clone(),
        }
    }

    fn scenario(&self) -> Arc<Scenario> {
        let base = match self.answers.as_str() {
            "rejected" => "rejecting",
            other => other,
        };
        // A JSON string is a valid basic string in TOML.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let list = |texts: &[String]| {
            texts
                .iter()
                .map(|text| quoted(text))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mut text = format!(
            "name = {}\nabout = 'a labelled server'\nsource = 'composed'\nexpect = 'forbidden'\nextends = '{base}'\n",
            quoted(&self.name)
        );
        let _ = writeln!(
            text,
            "[tls]\nsubject = {}",
            quoted(self.subject.as_deref().unwrap_or("CN=server"))
        );
        let _ = writeln!(
            text,
            "issuer = {}",
            quoted(
                self.issuer
                    .as_deref()
                    .unwrap_or("O=Example, CN=Issuing CA 7")
            )
        );
        let _ = writeln!(text, "sans = [{}]", list(&self.sans));
        if let Some(cas) = &self.client_cas {
            let _ = writeln!(text, "client_cas = [{}]", list(cas));
        }
        let hsts = self
            .transport_security
            .as_deref()
            .map(|value| format!("['Strict-Transport-Security', {}]", quoted(value)));
        let hsts = hsts.unwrap_or_default();
        if let Some(version) = &self.version {
            let body = format!(
                r#"{{"major":"1","minor":"34","gitVersion":{},"platform":"linux/amd64"}}"#,
                serde_json::Value::from(version.as_str())
            );
            let _ = writeln!(
                text,
                "[[reply]]\npath = '/version'\nstatus = 200\nheaders = [['Content-Type', 'application/json'], {hsts}]\nbody = {}",
                quoted(&body)
            );
        } else if !hsts.is_empty() {
            let _ = writeln!(
                text,
                "[[reply]]\npath = '/healthz'\nstatus = 401\nheaders = [['Content-Type', 'application/json'], {hsts}]\nbody = '{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{{}},\"status\":\"Failure\",\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}}'"
            );
        }
        Arc::new(Scenario::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}")))
    }
}

/// An identification in one word.
fn said(identification: &Identification) -> String {
    let attribution = &identification.attribution;
    match &attribution.product {
        Some(product) => product.id.to_string(),
        None if attribution.others.is_empty() => "unknown".to_owned(),
        None => {
            let mut tied: Vec<&str> = attribution
                .others
                .iter()
                .map(|product| &*product.id)
                .collect();
            tied.sort_unstable();
            format!("tie: {}", tied.join(", "))
        }
    }
}

async fn knock(servers: &[(String, SimulatedServer)]) -> Vec<EndpointReport> {
    let specs: Vec<String> = servers
        .iter()
        .map(|(words, server)| format!("{}{words}", server.address()))
        .collect();
    scan(config(), targets(&specs)).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn every_product_is_identified_correctly() {
    let cases = corpus();
    let mut servers = Vec::new();
    for case in &cases {
        let sni = case
            .host
            .as_ref()
            .map(|host| format!(" sni={host}"))
            .unwrap_or_default();
        servers.push((sni, serve(case.scenario()).await));
    }
    let reports = knock(&servers).await;
    assert_eq!(reports.len(), cases.len());

    let mut matrix: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (case, report) in cases.iter().zip(&reports) {
        let identification = report.identification.as_ref().unwrap();
        let said = said(identification);
        if identification.component != Component::KubeApiServer {
            wrong.push(format!(
                "{}, {}: {}",
                case.product, case.name, identification.component
            ));
        }
        if said != case.right() {
            wrong.push(format!(
                "{}, {}: {said}, not {}",
                case.product,
                case.name,
                case.right()
            ));
        }
        if let Some(status) = &case.status {
            let status = if documentation_counts() {
                status
            } else {
                "unknown"
            };
            let is = report
                .posture
                .as_ref()
                .map(|posture| posture.status.as_str());
            if is != Some(status) {
                wrong.push(format!(
                    "{}, {}: posture {is:?}, not {status}",
                    case.product, case.name
                ));
            }
        }
        *matrix
            .entry(&case.product)
            .or_default()
            .entry(said)
            .or_default() += 1;
    }
    let table = products_table(&matrix);
    println!("{table}");
    assert!(
        wrong.is_empty(),
        "{} of {} wrong:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    in_the_docs("products", &table);
}

fn products_table(matrix: &BTreeMap<&str, BTreeMap<String, usize>>) -> String {
    let mut table = "| labelled | identified as |\n|---|---|\n".to_owned();
    for (product, said) in matrix {
        let said: Vec<String> = said
            .iter()
            .map(|(said, count)| format!("{said} ({count})"))
            .collect();
        let _ = writeln!(table, "| {product} | {} |", said.join("; "));
    }
    table
}

/// Every simulated server and every recording, with its component.
const COMPONENTS: [(Component, &[&str]); 9] = [
    (
        Component::KubeApiServer,
        &[
            "default",
            "rejecting",
            "health-only",
            "health-livez-only",
            "exposed",
            "public-info-removed",
            "nginx-fronted",
            "insecure-http",
            "recovering",
            "starting",
            "etcd-down",
            "closes-each",
            "http10",
            "load-balancer-health",
            "other-user",
            "front-answers-head",
            "recorded default-rbac",
            "recorded anonymous-auth-off",
            "recorded cluster-admin-to-anonymous",
            "recorded public-info-removed",
            "recorded behind-nginx-tls",
        ],
    ),
    (Component::AggregatedApiServer, &["metrics-server"]),
    (
        Component::ControllerManagerOrScheduler,
        &[
            "kube-controller-manager",
            "recorded kube-controller-manager",
        ],
    ),
    (
        Component::Kubelet,
        &["kubelet", "kubelet-anonymous", "kubelet-open"],
    ),
    (Component::Etcd, &["etcd", "etcd-open", "etcd-plain-http"]),
    (Component::Supervisor, &["rke2-supervisor"]),
    (Component::KubernetesProxy, &["rancher-401", "teleport"]),
    (Component::FrontEnd, &["waf-403", "gke-dns-endpoint"]),
    (
        Component::Other,
        &[
            "web-server",
            "catch-all-200",
            "basic-401",
            "mtls-400",
            "bad-gateway",
            "sso-redirect",
            "json-api-401",
            "deep-json",
            "huge-body",
            "kubelet-health-port",
            "etcd-metrics-port",
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_component_is_identified_correctly() {
    let mut servers = Vec::new();
    let mut labels = Vec::new();
    for (component, names) in COMPONENTS {
        for name in names {
            let scenario = match name.strip_prefix("recorded ") {
                Some(name) => crate::recordings::recording(name),
                None => simulator::scenario(name).unwrap_or_else(|| panic!("no scenario {name}")),
            };
            let words = if *name == "gke-dns-endpoint" {
                " sni=gke-0a1b-123.europe-west1.gke.goog"
            } else {
                ""
            };
            let plain = scenario.plain_http();
            let server = serve(scenario).await;
            labels.push((component, *name, plain));
            servers.push((words.to_owned(), server));
        }
    }
    let specs: Vec<String> = servers
        .iter()
        .zip(&labels)
        .map(|((words, server), (_, _, plain))| {
            let scheme = if *plain { "http" } else { "https" };
            format!("{scheme}://{}{words}", server.address())
        })
        .collect();
    let (reports, _) = scan(config(), targets(&specs)).await;
    assert_eq!(reports.len(), labels.len());

    let mut matrix: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for ((component, name, _), report) in labels.iter().zip(&reports) {
        let is = report.identification.as_ref().unwrap().component;
        *matrix
            .entry(component.as_str())
            .or_default()
            .entry(is.as_str())
            .or_default() += 1;
        if is != *component {
            wrong.push(format!("{name}: {is}, not {component} ({})", report.reason));
        }
        let api_server = |component: Component| {
            matches!(
                component,
                Component::KubeApiServer | Component::AggregatedApiServer
            )
        };
        assert!(
            api_server(*component) || !api_server(is),
            "{name} passes for an API server"
        );
        assert!(
            api_server(*component) || !report.verdict.is_conclusive(),
            "{name}: {}",
            report.verdict
        );
    }
    let mut table = "| labelled | identified as |\n|---|---|\n".to_owned();
    for (label, said) in &matrix {
        let said: Vec<String> = said
            .iter()
            .map(|(said, count)| format!("{said} ({count})"))
            .collect();
        let _ = writeln!(table, "| {label} | {} |", said.join("; "));
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    in_the_docs("components", &table);
}

/// Compares the table with `docs/identification.md`, or updates it there if `UPDATE_DOCS` is set.
fn in_the_docs(name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/identification.md");
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let (before, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no {begin}"));
    let (kept, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        assert_eq!(
            kept, table,
            "docs/identification.md is stale: run the tests with UPDATE_DOCS=1"
        );
    }
}

/// What version and CA names show on recordings, over both TLS versions.
#[tokio::test(flavor = "multi_thread")]
async fn recordings_over_both_tls_versions() {
    for (name, component, version, cas) in [
        (
            "default-rbac",
            Component::KubeApiServer,
            Some("v1.20.2"),
            true,
        ),
        ("anonymous-auth-off", Component::KubeApiServer, None, true),
        (
            "cluster-admin-to-anonymous",
            Component::KubeApiServer,
            Some("v1.20.2"),
            true,
        ),
        ("public-info-removed", Component::KubeApiServer, None, true),
        (
            "behind-nginx-tls",
            Component::KubeApiServer,
            Some("v1.20.2"),
            false,
        ),
        (
            "kube-controller-manager",
            Component::ControllerManagerOrScheduler,
            None,
            true,
        ),
    ] {
        for tls in ["1.2", "1.3"] {
            let scenario = Arc::into_inner(crate::recordings::recording(name))
                .unwrap()
                .with_tls_version(tls);
            let server = serve(Arc::new(scenario)).await;
            let reports = knock(&[(String::new(), server)]).await;
            let [report] = reports.as_slice() else {
                panic!("{name}")
            };
            let identification = report.identification.as_ref().unwrap();
            let handshake = report.tls.as_ref().unwrap();
            assert_eq!(handshake.version, format!("TLSv{tls}"));
            assert_eq!(identification.component, component, "{name} over {tls}");
            assert_eq!(
                identification.version.as_deref(),
                version,
                "{name} over {tls}"
            );
            let names: &[&str] = if cas {
                &["CN=kubernetes", "CN=front-proxy-ca"]
            } else {
                &[]
            };
            assert_eq!(handshake.client_ca_names.kept, names, "{name} over {tls}");
            let kubeadm = identification
                .product()
                .is_some_and(|product| product.id == "kubeadm");
            assert_eq!(
                kubeadm,
                cas && component == Component::KubeApiServer,
                "{name}: {:?}",
                identification.attribution
            );
            if report.verdict != Verdict::NotApiServer {
                // Version and health are denied, as by a starting server, which causes a recheck.
                let looks = if name == "public-info-removed" { 2 } else { 1 };
                assert_eq!(
                    report.connections, looks,
                    "{name}: identification costs no connection"
                );
                assert!(report.requests.len() <= 6, "and no request");
            }
        }
    }
}
