//! The commands with which people see for themselves what a finding says, and the answers that identify prints.

use std::net::{Ipv6Addr, SocketAddr};
use std::process::Command;

use kubeknock::model::{EndpointReport, Finding, Request, curl};
use kubeknock::policy::{Evaluator, Policy};
use kubeknock::simulator;
use serde_json::Value;

use crate::byhand::{Then, default_cluster, over_tls, whole};
use crate::skip::{skipped, without};
use crate::support::{config, run, scan, start, stdout, targets};

/// What the real curl answers to a command line: the status of the answer.
fn status_of(line: &str) -> u16 {
    let output = Command::new("sh")
        .args(["-c", &format!("{line} -sS -m 20")])
        .env("https_proxy", "http://127.0.0.1:9")
        .env("http_proxy", "http://127.0.0.1:9")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    status.unwrap_or_else(|| {
        panic!(
            "{line}\n{text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// A scan with `--path /api/v1/secrets`.
async fn scanned(spec: &str) -> (EndpointReport, Vec<Finding>) {
    let config = config().with(|config| {
        config.requests = vec![Request::for_path("/api/v1/secrets").unwrap()];
    });
    let (mut records, summary) = scan(config, targets(&[spec.to_owned()])).await;
    let policy = Policy::default();
    let mut evaluator = Evaluator::new(&policy, summary.started);
    for record in &records {
        evaluator.add(record);
    }
    let findings = evaluator.finish(&summary.coverage).findings;
    assert_eq!(records.len(), 1, "{records:?}");
    (records.remove(0), findings)
}

/// Runs a command for every request of the endpoint, and every finding's command.
fn agrees_with_curl(report: &EndpointReport, findings: &[Finding]) {
    let endpoint = report.endpoint.as_ref().unwrap();
    for request in &report.requests {
        let line = curl(endpoint, &request.exchange.request, &[]);
        assert_eq!(
            Some(status_of(&line)),
            request.reply().map(|reply| reply.status),
            "{line}"
        );
    }
    assert!(!findings.is_empty(), "{report:?}");
    for finding in findings {
        let Some(line) = finding.curl() else { continue };
        let site = &finding.sites[0];
        let proven = report.requests[site.requests[0]].reply().unwrap();
        assert_eq!(
            line,
            curl(&site.endpoint, site.proof.as_ref().unwrap(), &[])
        );
        assert_eq!(status_of(&line), proven.status, "{line}");
    }
    assert!(findings.iter().any(|finding| finding.curl().is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_sees_what_a_finding_says() {
    if Command::new("curl").arg("--version").output().is_err() {
        return without("curl", "curl_sees_what_a_finding_says");
    }
    for name in ["default", "exposed", "front-answers-head", "insecure-http"] {
        let server = start(name).await;
        let scheme = if server.scenario().plain_http() {
            "http"
        } else {
            "https"
        };
        let address = server.address();
        for words in ["", " sni=kubernetes.default.svc"] {
            let (report, findings) = scanned(&format!("{scheme}://{address}{words}")).await;
            agrees_with_curl(&report, &findings);
            let heads = report.requests.iter().filter(|request| {
                curl(
                    report.endpoint.as_ref().unwrap(),
                    &request.exchange.request,
                    &[],
                )
                .contains(" -I ")
            });
            assert_eq!(heads.count(), 1, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_asks_below_the_prefix() {
    if Command::new("curl").arg("--version").output().is_err() {
        return without("curl", "curl_asks_below_the_prefix");
    }
    let server = over_tls(|path| {
        let (head, body) = default_cluster(path.strip_prefix("/k8s/clusters/c-1").unwrap_or("/"));
        (whole(&head, &body), Then::Continue)
    })
    .await;
    let (report, findings) = scanned(&format!("https://{}/k8s/clusters/c-1", server.address)).await;
    agrees_with_curl(&report, &findings);
    assert!(
        server
            .requests()
            .iter()
            .all(|line| line.contains(" /k8s/clusters/c-1/"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_asks_over_ipv6() {
    if Command::new("curl").arg("--version").output().is_err() {
        return without("curl", "curl_asks_over_ipv6");
    }
    let scenario = simulator::scenario("default").unwrap();
    let any = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let Ok(server) = simulator::start(scenario, any).await else {
        return skipped("curl_asks_over_ipv6: no IPv6 here");
    };
    for words in ["", " sni=kubernetes.default.svc"] {
        let (report, findings) = scanned(&format!("{}{words}", server.address())).await;
        agrees_with_curl(&report, &findings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn identify_prints_the_answers_and_no_list() {
    let server = start("leaks-lists").await;
    let target = server.address().to_string();
    let asked = ["identify", "--path", "/api/v1/secrets", &target];
    let plain = stdout(&run(&asked));
    assert!(!plain.contains("< HTTP/1.1"), "{plain}");
    let raw = stdout(&run(&[&asked[..], &["--raw"]].concat()));
    assert!(
        raw.starts_with(plain.split("\nTLS:").next().unwrap()),
        "{raw}"
    );
    for shown in [
        "\n> GET /version\n< HTTP/1.1 200\n",
        "\n< content-type: application/json\n",
        "\n> GET /api/v1/secrets?limit=1&continue=bogus\n< HTTP/1.1 200\n",
        "gitVersion",
        "(the body of a list of resources is not kept)",
    ] {
        assert!(raw.contains(shown), "{shown}: {raw}");
    }
    assert!(
        !raw.contains("zz-object-name-7f3a") && !raw.contains("SecretList"),
        "{raw}"
    );
}

/// A web application firewall may let only requests with the scan's header through.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_of_a_finding_sends_the_headers_of_the_scan() {
    let server = start("exposed").await;
    let target = server.address().to_string();
    let header = "X-Scan-Ticket: it's 42";
    let sent = r"-H 'x-scan-ticket: it'\''s 42'";
    let run_with = |args: &[&str]| {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        tokio::task::spawn_blocking(move || {
            run(&args.iter().map(String::as_str).collect::<Vec<_>>())
        })
    };
    let scanned = run_with(&["scan", "-q", "-o=json", "--header", header, &target]).await;
    let report: Value = serde_json::from_str(&stdout(&scanned.unwrap())).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        let curl = finding["curl"].as_str().unwrap();
        assert!(curl.contains(sent), "{curl}");
    }
    let identified = run_with(&["identify", "--header", header, &target]).await;
    let text = stdout(&identified.unwrap());
    assert!(text.contains(sent), "{text}");
}
