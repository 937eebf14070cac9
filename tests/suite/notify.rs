//! Scheduled scans: `--baseline auto:DIR` keeps the last good report, and `--notify` tells what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kubeknock::simulator::SimulatedServer;
use serde_json::Value;

use crate::carried::{serve, serve_at, silence};
use crate::service::Service;
use crate::skip::without;
use crate::support::{ANY, closed_port, kubeknock, start, stderr, stdout};

const EXPOSED: &str = "anonymous-discovery-exposed";
const VERSION: &str = "unsupported-version";
const LOST: &str = "target-not-covered";

/// A receiver that accepts everything.
fn receiver() -> Service {
    Service::start("HTTP/1.1 200 OK\r\nContent-Type: text/plain", "ok")
}

/// A scheduled scan of one target, which is told to `notify`.
fn scan(
    service: &Service,
    folder: &Path,
    target: SocketAddr,
    notify: &[&str],
    more: &[&str],
) -> Output {
    let target = format!("{target} name=prod");
    let mut args = vec![
        "-vv",
        "scan",
        &target,
        "--retries=0",
        "--baseline=auto:kept",
    ];
    for destination in notify {
        args.extend(["--notify", destination]);
    }
    args.extend(more);
    let output = service.run_in(folder, &args);
    for file in files(&folder.join("kept")) {
        let text = fs::read_to_string(folder.join("kept").join(&file)).unwrap();
        assert!(!text.contains("hunter2"), "{file}: {text}");
    }
    output
}

/// The names of the files in a folder, in order.
fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// The body of a request.
fn body(request: &str) -> Value {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST "), "{head}");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {request}"))
}

/// The value of a header.
fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let mut lines = request.lines();
    let line = lines.find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
    line.and_then(|line| line.split_once(':')).unwrap().1.trim()
}

/// The news of a notification: kind, rule and name.
fn news(notification: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let news = notification["news"].as_array().unwrap().iter();
    news.map(|news| {
        (
            text(&news["kind"]),
            text(&news["rule"]),
            text(&news["name"]),
        )
    })
    .collect()
}

fn told(kind: &str, rule: &str) -> (String, String, String) {
    (kind.to_owned(), rule.to_owned(), "prod".to_owned())
}

/// What Alertmanager makes of alerts: those that are open, by their labels.
#[derive(Default)]
struct Alerts {
    open: BTreeMap<String, Value>,
    /// How often it was told of an alert that it had.
    again: usize,
}

impl Alerts {
    fn take(&mut self, request: &str) {
        assert!(
            request.starts_with("POST /api/v2/alerts HTTP/1.1\r\n"),
            "{request}"
        );
        let now = Timestamp::now();
        for alert in body(request).as_array().unwrap() {
            let time = |key: &str| alert[key].as_str().unwrap().parse::<Timestamp>().unwrap();
            assert!(time("startsAt") <= time("endsAt"), "{alert}");
            let labels = alert["labels"].to_string();
            if time("endsAt") > now {
                if let Some(known) = self.open.insert(labels, alert.clone()) {
                    // Another text, such as that the target is lost now, notifies nobody.
                    assert_eq!(known["startsAt"], alert["startsAt"]);
                    self.again += 1;
                }
            } else {
                self.open
                    .remove(&labels)
                    .expect("it closes an alert that is open");
            }
        }
    }

    fn rules(&self) -> Vec<&str> {
        let mut rules: Vec<&str> = (self.open.values())
            .map(|alert| alert["labels"]["rule"].as_str().unwrap())
            .collect();
        rules.sort_unstable();
        rules
    }
}

/// One notification for a change, an outage and a fix, and nothing when nothing changed.
#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (hook, chat, alerts) = (receiver(), receiver(), receiver());
    // A program trusts one receiver, so each has scans of its own.
    let server = serve_at("rejecting", "127.0.17.1").await;
    let address = server.address();
    let am = format!("alertmanager=https://{}", alerts.address);
    let mut open = Alerts::default();
    let mut round = |expected: &[(String, String, String)], rules: &[&str]| {
        for (service, notify, place) in [
            (&hook, "webhook=env:HOOK", "hook"),
            (&chat, "slack=env:HOOK", "chat"),
            (&alerts, am.as_str(), "alerts"),
        ] {
            let place = folder.join(place);
            fs::create_dir_all(&place).unwrap();
            let output = scan(service, &place, address, &[notify], &["--fail-on=never"]);
            assert!(output.status.code() != Some(2), "{}", stderr(&output));
        }
        let (hooks, chats) = (hook.take(), chat.take());
        if expected.is_empty() {
            assert!(hooks.is_empty() && chats.is_empty(), "{hooks:?} {chats:?}");
        } else {
            let [one] = &hooks[..] else {
                panic!("{hooks:?}")
            };
            let notification = body(one);
            let mut said = news(&notification);
            said.sort();
            assert_eq!(said, expected, "{notification:#}");
            assert_eq!(notification["id"], header(one, "idempotency-key"));
            assert_eq!(notification["schema"], "kubeknock.notification/v1");
            let [one] = &chats[..] else {
                panic!("{chats:?}")
            };
            let text = body(one)["text"].as_str().unwrap().to_owned();
            for (kind, ..) in expected {
                assert!(text.contains(&format!("• *{kind}*")), "{text}");
            }
        }
        // What stays open is told in each scan, because Alertmanager may have been restarted.
        let before: BTreeSet<String> = open.open.keys().cloned().collect();
        open.again = 0;
        for request in &alerts.take() {
            open.take(request);
        }
        assert_eq!(open.rules(), rules);
        let stays = before.iter().filter(|alert| open.open.contains_key(*alert));
        assert_eq!(open.again, stays.count(), "each is told once");
    };
    round(&[], &[]);
    drop(server);
    let server = serve("exposed", address).await;
    let exposed = [EXPOSED, VERSION];
    round(&[told("new", EXPOSED), told("new", VERSION)], &exposed);
    round(&[], &exposed);
    drop(server);
    silence(address).await;
    // What was open stays open, because nobody can tell.
    let lost = [EXPOSED, LOST, VERSION];
    round(&[told("lost", LOST)], &lost);
    round(&[], &lost);
    let _server = serve("rejecting", address).await;
    // A server that rejects `/version` does not show that it was upgraded.
    let fixed = [told("fixed", EXPOSED), told("fixed", LOST)];
    round(&fixed, &[VERSION]);
    round(&[], &[VERSION]);
}

/// A receiver that is away delays a notification, and loses none.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_misses_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = start("exposed").await;
    let away = format!("https://{}/hunter2", closed_port());
    let scan_while_away = |more: &[&str]| {
        let target = format!("{} name=prod", server.address());
        let output = (kubeknock().current_dir(folder).env("HOOK", &away))
            .args([
                "-vv",
                "scan",
                &target,
                "--baseline=auto:kept",
                "--notify=webhook=env:HOOK",
            ])
            .args(more)
            .output()
            .unwrap();
        let error = stderr(&output);
        assert!(!error.contains("hunter2"), "{error}");
        assert!(
            error.contains("kubeknock: webhook at 127.0.0.1 was not notified: ")
                && error.contains("refused")
                && error.contains("; 1 notification waits for it"),
            "{error}"
        );
        output.status.code()
    };
    let waiting = || {
        let files = files(&folder.join("kept"));
        files
            .into_iter()
            .filter(|file| file.starts_with("notification-"))
            .count()
    };
    assert_eq!(
        scan_while_away(&["--fail-on=never"]),
        Some(0),
        "as the gate decides"
    );
    assert_eq!(waiting(), 1);
    assert_eq!(scan_while_away(&[]), Some(1), "as the gate decides");
    assert_eq!(scan_while_away(&["--notify-required"]), Some(2));
    assert_eq!(waiting(), 1, "nothing changed since");

    // The receiver has another name now, or is gone: that is said before anything is asked, whatever is quiet.
    let before = server.stats().connections();
    for (more, code) in [
        (&["--notify=webhook=env:OTHER", "--notify-required"][..], 2),
        (&["--notify=webhook=env:OTHER"], 0),
        (&[], 0),
    ] {
        let target = format!("{} name=prod", server.address());
        let output = (kubeknock().current_dir(folder).env("OTHER", &away))
            .args(["--quiet", "scan", &target, "--baseline=auto:kept"])
            .arg("--fail-on=never")
            .args(more)
            .output()
            .unwrap();
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{more:?}: {error}");
        let said = "1 notification waits for receivers that are not among --notify now: give --notify as before, or \
                    remove the files notification-* of kept, such as kept/notification-000001-1.json";
        assert!(error.contains(said), "{error}");
        if code == 2 {
            assert_eq!(server.stats().connections(), before, "nothing is asked");
        }
    }

    let service = receiver();
    service.overload(1);
    let notify = ["webhook=env:HOOK"];
    let output = scan(
        &service,
        folder,
        server.address(),
        &notify,
        &["--notify-required", "--fail-on=never"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let requests = service.take();
    assert_eq!(requests.len(), 2, "refused before the scan, taken after it");
    let ids: BTreeSet<&str> = requests
        .iter()
        .map(|request| header(request, "idempotency-key"))
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(news(&body(&requests[1]))[0], told("new", EXPOSED));
    assert_eq!(waiting(), 0);
}

const TOO_LARGE: &str = "HTTP/1.1 413 Content Too Large";

/// People miss a notification that is refused for ever, and get those after it. It does not come after them.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_notification_is_not_told_after_a_later_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let service = receiver();
    let server = serve_at("exposed", "127.0.17.2").await;
    let address = server.address();
    let told_as = |error: &str, code| {
        let more = ["--fail-on=never", "--notify-required"];
        let output = scan(&service, folder, address, &["webhook=env:HOOK"], &more);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(error), "{said}");
        let requests = service.take();
        let of_exposed = |request: &String| {
            let mut news = news(&body(request)).into_iter();
            news.find(|(_, rule, _)| rule == EXPOSED).unwrap().0
        };
        requests.iter().map(of_exposed).collect::<Vec<String>>()
    };
    service.refuse(1, TOO_LARGE);
    let waits = "was not notified: it answers 413; 1 notification waits for it";
    assert_eq!(told_as(waits, 2), ["new"]);
    drop(server);
    let _server = serve("rejecting", address).await;
    // Once before the scan, and once after it.
    service.refuse(2, TOO_LARGE);
    let refused = "refused 1 notification and took a later one: it answers 413; what it refused is not sent again";
    assert_eq!(told_as(refused, 2), ["new", "new", "fixed"]);
    assert!(told_as("", 0).is_empty());
}

/// Alertmanager gets what is too large in halves. What it refuses holds up what comes after it: an alert would be open that was
/// closed.
#[tokio::test(flavor = "multi_thread")]
async fn no_alert_is_opened_after_it_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let service = receiver();
    let server = serve_at("exposed", "127.0.17.3").await;
    let address = server.address();
    let am = format!("alertmanager=https://{}", service.address);
    let requests = |refused, code| {
        service.refuse(refused, TOO_LARGE);
        let more = ["--fail-on=never", "--notify-required"];
        let output = scan(&service, folder, address, &[&am], &more);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        service.take()
    };
    let sizes = |requests: &[String]| -> Vec<usize> {
        let sizes = requests
            .iter()
            .map(|request| body(request).as_array().unwrap().len());
        sizes.collect()
    };
    let mut open = Alerts::default();
    // The whole, then its first half.
    assert_eq!(sizes(&requests(2, 2)), [2, 1]);
    drop(server);
    let _server = serve("rejecting", address).await;
    let all = requests(4, 2);
    assert_eq!(sizes(&all), [2, 1, 2, 1], "{all:?}");
    let all = requests(1, 0);
    assert_eq!(sizes(&all), [2, 1, 1, 2, 1], "{all:?}");
    for request in &all[1..3] {
        open.take(request);
    }
    assert_eq!(open.rules(), [EXPOSED, VERSION]);
    // A server that rejects `/version` does not show that it was upgraded.
    for request in &all[3..] {
        open.take(request);
        assert_eq!(open.rules(), [VERSION]);
    }
}

/// 503 is temporary; other refusals are not, and nothing follows a redirect.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_receiver_gets_a_notification() {
    let server = start("exposed").await;
    let other = receiver();
    let redirect = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: {}",
        other.url()
    );
    for (head, overloaded, times, said) in [
        (
            redirect.as_str(),
            0,
            1,
            "it answers 307, and redirects are not followed",
        ),
        ("HTTP/1.1 404 Not Found", 0, 1, "it answers 404"),
        ("HTTP/1.1 200 OK", 2, 3, ""),
        (
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0",
            0,
            4,
            "it answers 429",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::start(head, "hunter2");
        service.overload(overloaded);
        let output = scan(
            &service,
            folder.path(),
            server.address(),
            &["slack=env:HOOK"],
            &["--notify-required"],
        );
        let code = if said.is_empty() { 1 } else { 2 };
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{head}: {error}");
        assert!(error.contains(said), "{head}: {error}");
        let requests = service.take();
        assert_eq!(requests.len(), times, "{head}");
        for request in &requests {
            let lower = request.to_ascii_lowercase();
            for header in ["\nauthorization:", "\ncookie:", "\nreferer:"] {
                assert!(!lower.contains(header), "{request}");
            }
            assert!(
                header(request, "user-agent").starts_with("kubeknock/"),
                "{request}"
            );
        }
    }
    assert!(other.requests().is_empty(), "a redirect was followed");
    // A stranger gets nothing.
    let folder = tempfile::tempdir().unwrap();
    let stranger = receiver();
    let target = server.address().to_string();
    let output = (other
        .program()
        .current_dir(folder.path())
        .env("HOOK", stranger.url()))
    .args([
        "scan",
        &target,
        "--baseline=auto:kept",
        "--notify=slack=env:HOOK",
    ])
    .output()
    .unwrap();
    assert!(
        stderr(&output).contains("does not trust the issuer"),
        "{}",
        stderr(&output)
    );
    assert!(stranger.requests().iter().all(String::is_empty));
}

/// The user information of a URL in a variable is for its receiver.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_gets_the_user_information_of_its_url() {
    let server = start("exposed").await;
    let service = receiver();
    let folder = tempfile::tempdir().unwrap();
    let target = server.address().to_string();
    let output = (service.program().current_dir(folder.path()))
        .env(
            "ALERTS",
            format!("https://me:hunter2@{}/prefix", service.address),
        )
        .args([
            "-vv",
            "scan",
            &target,
            "--baseline=auto:kept",
            "--notify=alertmanager=env:ALERTS",
        ])
        .output()
        .unwrap();
    let said = stdout(&output) + &stderr(&output);
    // The same in base64.
    assert!(
        !said.contains("hunter2") && !said.contains("bWU6aHVudGVyMg"),
        "{said}"
    );
    let requests = service.take();
    let [request] = &requests[..] else {
        panic!("{requests:?}: {said}");
    };
    assert!(
        request.starts_with("POST /prefix/api/v2/alerts HTTP/1.1\r\n"),
        "{request}"
    );
    assert_eq!(header(request, "authorization"), "Basic bWU6aHVudGVyMg==");
}

fn started(service: &Service, folder: &Path, target: SocketAddr) -> Child {
    let target = format!("{target} name=prod");
    (service
        .program()
        .current_dir(folder)
        .env("HOOK", service.url()))
    .args([
        "scan",
        &target,
        "--baseline=auto:kept",
        "--notify=webhook=env:HOOK",
    ])
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap()
}

/// SIGKILL, which nothing can catch.
fn kill(mut scan: Child) {
    scan.kill().unwrap();
    scan.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_is_killed_while_it_tells_tells_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = start("exposed").await;
    let service = receiver();
    service.pause(Duration::from_mins(1));
    let scan_killed = started(&service, folder.path(), server.address());
    let began = Instant::now();
    while service.requests().is_empty() {
        assert!(began.elapsed() < Duration::from_mins(1), "nothing was sent");
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(scan_killed);
    service.pause(Duration::ZERO);
    let notify = ["webhook=env:HOOK"];
    scan(&service, folder.path(), server.address(), &notify, &[]);
    let requests = service.take();
    let [first, again] = &requests[..] else {
        panic!("{requests:?}")
    };
    assert_eq!(body(first), body(again));
    assert_eq!(
        header(first, "idempotency-key"),
        header(again, "idempotency-key")
    );
    scan(&service, folder.path(), server.address(), &notify, &[]);
    assert!(service.take().is_empty(), "everybody knows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_is_killed_at_any_moment_loses_nothing() {
    let server = start("exposed").await;
    let service = receiver();
    for round in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        for step in 0..6 {
            let running = started(&service, folder.path(), server.address());
            std::thread::sleep(Duration::from_millis(step * 60 + round * 15));
            kill(running);
        }
        scan(
            &service,
            folder.path(),
            server.address(),
            &["webhook=env:HOOK"],
            &[],
        );
        let requests = service.take();
        // One that was killed while it connected sent nothing.
        let whole: Vec<&String> = requests
            .iter()
            .filter(|request| request.contains('}'))
            .collect();
        let ids: BTreeSet<&str> = whole
            .iter()
            .map(|request| header(request, "idempotency-key"))
            .collect();
        assert_eq!(ids.len(), 1, "{requests:?}");
        let news = news(&body(whole[0]));
        assert_eq!(news, [told("new", EXPOSED), told("new", VERSION)]);
        let left = files(&folder.path().join("kept"));
        let unfinished =
            |file: &&String| file.starts_with('.') || file.starts_with("notification-");
        assert_eq!(left.iter().filter(unfinished).count(), 0, "{left:?}");
    }
}

/// What a scan asks decides what it may forget: a silent range, and a target that left the list.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_asked_is_fixed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let service = receiver();
    let am = format!("alertmanager=https://{}", service.address);
    let server = serve_at("exposed", "127.0.17.6").await;
    let (address, other) = (server.address(), serve_at("exposed", "127.0.17.8").await);
    let range = format!("127.0.17.6-7 ports={}", address.port());
    let other_target = other.address().to_string();
    let mut open = Alerts::default();
    let mut scan_all = |targets: &[&str], more: &[&str]| {
        let mut args = vec![
            "scan",
            "--retries=0",
            "--baseline=auto:kept",
            "--notify=webhook=env:HOOK",
        ];
        args.extend(["--notify", am.as_str()]);
        args.extend(targets);
        args.extend(more);
        let output = service.run_in(folder, &args);
        assert_ne!(output.status.code(), Some(2), "{}", stderr(&output));
        let mut said = Vec::new();
        for request in service.take() {
            if request.starts_with("POST /api/v2/alerts ") {
                open.take(&request);
            } else {
                let notification = body(&request);
                for news in notification["news"].as_array().unwrap() {
                    said.push(format!(
                        "{} {}",
                        news["kind"].as_str().unwrap(),
                        news["about"].as_str().unwrap()
                    ));
                }
            }
        }
        said.sort();
        said.dedup();
        (said, open.open.len())
    };
    let (range, other_target) = (range.as_str(), other_target.as_str());
    let (in_range, alone) = (
        format!("https://{address}"),
        format!("https://{other_target}"),
    );
    let both = [format!("new {in_range}"), format!("new {alone}")];
    assert_eq!(scan_all(&[range, other_target], &[]), (both.to_vec(), 4));
    drop(server);
    silence(address).await;
    assert_eq!(
        scan_all(&[range, other_target], &[]),
        (vec![format!("lost {in_range}")], 4)
    );
    assert_eq!(scan_all(&[range, other_target], &[]), (vec![], 4));
    // What somebody accepted is told to nobody, and is no alert.
    let settings = folder.join("kubeknock.toml");
    let entry = format!(
        "[[accept]]\nrule = \"{EXPOSED}\"\ntarget = \"{other_target}\"\nreason = \"a lab\"\nowner = \"me\"\nexpires = 2099-01-01\n"
    );
    fs::write(&settings, entry).unwrap();
    assert_eq!(scan_all(&[range, other_target], &[]), (vec![], 3));
    fs::remove_file(settings).unwrap();
    assert_eq!(scan_all(&[range, other_target], &[]).1, 4);
    // A target that left the list is neither fixed nor an alert.
    assert_eq!(scan_all(&[range], &[]), (vec![], 2));
    // Another severity is another alert, and the old one ends.
    fs::write(
        folder.join("kubeknock.toml"),
        format!("[severity]\n{VERSION} = \"high\"\n"),
    )
    .unwrap();
    assert_eq!(scan_all(&[range], &[]), (vec![], 2));
}

/// A failure on our side is no outage, and nothing is compared with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_could_not_ask_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = start("exposed").await;
    let service = receiver();
    let scan = |more: &[&str]| {
        scan(
            &service,
            folder,
            server.address(),
            &["webhook=env:HOOK"],
            more,
        )
    };
    assert_eq!(scan(&[]).status.code(), Some(1));
    assert_eq!(service.take().len(), 1);
    let before = files(&folder.join("kept"));
    assert_eq!(scan(&["--proxy=http://127.0.0.1:1"]).status.code(), Some(2));
    assert_eq!(files(&folder.join("kept")), before);
    assert_eq!(scan(&["--fail-on=new"]).status.code(), Some(0));
    assert!(service.take().is_empty());
}

/// A merge is the scan of several shards.
#[tokio::test(flavor = "multi_thread")]
async fn a_merge_keeps_the_baseline_of_shards() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = start("exposed").await;
    let target = server.address().to_string();
    let service = receiver();
    let shards = || {
        for shard in 1..=2 {
            let output = service.run_in(
                folder,
                &[
                    "scan",
                    "-q",
                    &target,
                    &format!("--shard={shard}/2"),
                    "--seed=1",
                    "--fail-on=never",
                    &format!("-ojsonl={shard}.jsonl"),
                ],
            );
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        }
    };
    let merge = || {
        service.run_in(
            folder,
            &[
                "report",
                "1.jsonl",
                "2.jsonl",
                "--baseline=auto:kept",
                "--notify=webhook=env:HOOK",
                "--fail-on=new",
            ],
        )
    };
    shards();
    for name in ["1.jsonl", "2.jsonl"] {
        fs::copy(folder.join(name), folder.join(format!("old-{name}"))).unwrap();
    }
    assert_eq!(merge().status.code(), Some(1), "at first everything is new");
    assert_eq!(service.take().len(), 1);
    shards();
    assert_eq!(merge().status.code(), Some(0));
    assert_eq!(merge().status.code(), Some(0), "the same once more");
    assert!(service.take().is_empty());
    let old = service.run_in(
        folder,
        &[
            "report",
            "old-1.jsonl",
            "old-2.jsonl",
            "--baseline=auto:kept",
            "--notify=webhook=env:HOOK",
        ],
    );
    assert_eq!(old.status.code(), Some(2));
    assert!(
        stderr(&old).contains("the report of a later scan"),
        "{}",
        stderr(&old)
    );
    let part = service.run_in(folder, &["report", "1.jsonl", "--baseline=auto:kept"]);
    assert_eq!(part.status.code(), Some(2), "{}", stdout(&part));
}

/// A checkpoint may be of any age. What it says must not undo what a later scan found.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_checkpoint_does_not_move_the_baseline_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let service = receiver();
    let server = serve_at("exposed", "127.0.17.13").await;
    let address = server.address();
    let target = address.to_string();
    let run = |args: &[&str]| {
        let common = ["scan", &target, "--retries=0", "--fail-on=never"];
        service.run_in(folder, &[&common, args].concat())
    };
    let scheduled = ["--baseline=auto:kept", "--notify=webhook=env:HOOK"];
    // Its scan began first, and was the baseline once.
    let resumed = [&["--resume=old"], &scheduled[..]].concat();
    for args in [&["--checkpoint=old"][..], &resumed, &resumed] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    assert_eq!(service.take().len(), 1, "the same report changes nothing");
    drop(server);
    let _server = serve("rejecting", address).await;
    assert_eq!(run(&scheduled).status.code(), Some(0));
    assert_eq!(service.take().len(), 1, "it is fixed");
    let kept = files(&folder.join("kept"));
    let output = run(&resumed);
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("the report of a later scan"), "{error}");
    assert!(
        error.contains("leave --baseline out, or scan anew"),
        "{error}"
    );
    assert_eq!(files(&folder.join("kept")), kept);
    assert!(service.take().is_empty());
    // As a report it is as good as ever.
    assert_eq!(run(&["--resume=old"]).status.code(), Some(0));
}

/// Any earlier report will do; then nothing is kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_can_be_the_baseline_of_notifications() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let service = receiver();
    let server = serve_at("rejecting", "127.0.17.12").await;
    let address = server.address();
    let target = format!("{address} name=prod");
    let am = format!("--notify=alertmanager=https://{}", service.address);
    let scan = |old: &str, new: &str| {
        let (old, new) = (
            format!("--baseline={old}.json"),
            format!("-ojson={new}.json"),
        );
        let args = [
            "scan",
            "-q",
            &target,
            "--retries=0",
            &old,
            "--notify=webhook=env:HOOK",
            &am,
            &new,
        ];
        let output = service.run_in(folder, &args);
        assert_ne!(output.status.code(), Some(2), "{}", stderr(&output));
        service.take()
    };
    let output = service.run_in(folder, &["scan", "-q", &target, "-ojson=0.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    drop(server);
    let server = serve("exposed", address).await;
    let mut open = Alerts::default();
    let requests = scan("0", "1");
    assert_eq!(
        news(&body(&requests[0])),
        [told("new", EXPOSED), told("new", VERSION)]
    );
    open.take(&requests[1]);
    assert_eq!(open.rules(), [EXPOSED, VERSION]);
    let requests = scan("1", "2");
    assert_eq!(requests.len(), 1, "nobody but Alertmanager: {requests:?}");
    open.take(&requests[0]);
    assert_eq!((open.again, open.rules().len()), (2, 2));
    drop(server);
    let _server = serve("rejecting", address).await;
    let requests = scan("2", "3");
    assert_eq!(
        news(&body(&requests[0])),
        [told("lost", VERSION), told("fixed", EXPOSED)],
        "nobody knows whether it was upgraded"
    );
    let now = Timestamp::now();
    let alerts = body(&requests[1]);
    let ends = |alert: &&Value| {
        alert["endsAt"]
            .as_str()
            .unwrap()
            .parse::<Timestamp>()
            .unwrap()
    };
    let closed = (alerts.as_array().unwrap().iter()).filter(|alert| ends(alert) <= now);
    let closed: Vec<&Value> = closed.map(|alert| &alert["labels"]["rule"]).collect();
    assert_eq!(closed, [EXPOSED]);
}

#[test]
fn mistakes_are_found_before_anything_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = |args: &[&str]| {
        let output = kubeknock().current_dir(folder).args(args).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(2),
            "{args:?}: {}",
            stderr(&output)
        );
        let error = stderr(&output);
        assert!(!error.contains("hunter2"), "{error}");
        error
    };
    let auto = "--baseline=auto:kept";
    for (args, said) in [
        (
            vec![auto, "--notify=slack=https://hooks.example/hunter2"],
            "the URL for slack is a secret",
        ),
        (
            vec![auto, "--notify=alertmanager=https://me:hunter2@am"],
            "user information",
        ),
        (
            vec![auto, "--notify=slack=env:NO_SUCH"],
            "the variable NO_SUCH has no value",
        ),
        (
            vec![auto, "--notify=slack=@none"],
            "the file none: cannot be read",
        ),
        (
            vec!["--notify=alertmanager=http://127.0.0.1:1"],
            "add --baseline auto:DIR, which keeps the last report",
        ),
        (vec![auto, "--notify-required"], "--notify"),
        (
            vec![
                auto,
                "--notify=alertmanager=http://am.example",
                "--notify=alertmanager=http://am.example",
            ],
            "the same alertmanager is given twice",
        ),
        (
            vec!["--baseline=auto:none/kept"],
            "cannot make the folder none/kept",
        ),
        (
            vec![auto, "--shard=1/2", "--seed=1"],
            "kubeknock report, which merges",
        ),
        (
            vec![
                "--baseline=x",
                "--shard=1/2",
                "--seed=1",
                "--notify=alertmanager=http://127.0.0.1:1",
            ],
            "--notify needs a whole scan",
        ),
    ] {
        let mut all = vec!["scan", "127.0.0.1:9"];
        all.extend(args);
        let error = run(&all);
        assert!(error.contains(said), "{all:?}: {error}");
    }
    // In the settings file, a scan by hand would become the baseline and tell everybody.
    for (line, said) in [
        (
            "baseline = \"auto:kept\"",
            "belongs on the command line of the scheduled scan",
        ),
        ("notify = [\"slack=@hunter2\"]", "unknown key"),
    ] {
        let file = folder.join("kubeknock.toml");
        fs::write(&file, format!("[scan]\n{line}\n")).unwrap();
        let error = run(&["scan", "127.0.0.1:9"]);
        assert!(error.contains(said), "{line}: {error}");
        fs::remove_file(file).unwrap();
    }
    // A report that cannot be read is not a first scan.
    fs::create_dir_all(folder.join("kept")).unwrap();
    fs::write(folder.join("kept/report-000007.json"), "hunter2").unwrap();
    let error = run(&["scan", "127.0.0.1:9", auto]);
    assert!(error.contains("remove kept/report-000007.json"), "{error}");
    let dry = kubeknock()
        .args([
            "scan",
            "127.0.0.1:9",
            "--dry-run",
            auto,
            "--notify=alertmanager=http://am.example:9093",
        ])
        .output()
        .unwrap();
    assert!(
        stdout(&dry).contains("POST to alertmanager at am.example"),
        "{}",
        stdout(&dry)
    );
}

/// A real Alertmanager on loopback; killed when dropped.
struct Alertmanager {
    process: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Alertmanager {
    /// `None` if it is not installed.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        // An alert without an end would be over at once.
        let config = "global: { resolve_timeout: 1s }\nroute: { receiver: none }\nreceivers: [{ name: none }]\n";
        fs::write(folder.path().join("alertmanager.yml"), config).unwrap();
        let address = TcpListener::bind(ANY).unwrap().local_addr().unwrap();
        let Some(process) = Self::run(folder.path(), address) else {
            without(
                "prometheus-alertmanager",
                "alerts of --notify in Alertmanager",
            );
            return None;
        };
        Some(Self {
            process,
            address,
            folder,
        })
    }

    fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = Self::run(self.folder.path(), self.address).unwrap();
    }

    fn run(folder: &Path, address: SocketAddr) -> Option<Child> {
        // Debian's package and the release have different names.
        let programs = ["prometheus-alertmanager", "alertmanager"];
        let process = programs.into_iter().find_map(|program| {
            Command::new(program)
                .current_dir(folder)
                .args(["--config.file=alertmanager.yml", "--storage.path=."])
                .arg(format!("--web.listen-address={address}"))
                .arg("--cluster.listen-address=")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .ok()
        });
        let process = process?;
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(
                began.elapsed() < Duration::from_mins(1),
                "it does not start"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(process)
    }

    /// The rules of the alerts that are open.
    fn rules(&self) -> Vec<String> {
        use std::io::{Read as _, Write as _};
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(
            stream,
            "GET /api/v2/alerts HTTP/1.0\r\nHost: {}\r\n\r\n",
            self.address
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let alerts: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
        let alerts = alerts.as_array().unwrap().iter();
        let mut rules: Vec<String> = alerts
            .map(|alert| alert["labels"]["rule"].as_str().unwrap().to_owned())
            .collect();
        rules.sort();
        rules
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_alertmanager_has_an_alert_while_a_finding_is_open() {
    let Some(mut real) = Alertmanager::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = serve_at("exposed", "127.0.17.20").await;
    let address: SocketAddr = server.address();
    let destination = format!("--notify=alertmanager=http://{}", real.address);
    let scan = || {
        let target = format!("{address} name=prod");
        let output = (kubeknock().current_dir(folder))
            .args([
                "scan",
                &target,
                "--retries=0",
                "--baseline=auto:kept",
                &destination,
                "--notify-required",
            ])
            .output()
            .unwrap();
        assert_ne!(output.status.code(), Some(2), "{}", stderr(&output));
    };
    scan();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        real.rules(),
        [EXPOSED, VERSION],
        "it does not end by itself"
    );
    // It has its alerts in memory only.
    real.restart();
    assert_eq!(real.rules(), Vec::<String>::new());
    scan();
    assert_eq!(real.rules(), [EXPOSED, VERSION]);
    // What is sent again is the same alert.
    fs::remove_dir_all(folder.join("kept")).unwrap();
    scan();
    assert_eq!(real.rules(), [EXPOSED, VERSION]);
    drop(server);
    silence(address).await;
    scan();
    assert_eq!(real.rules(), [EXPOSED, LOST, VERSION]);
    let _server: SimulatedServer = serve("rejecting", address).await;
    scan();
    assert_eq!(
        real.rules(),
        [VERSION],
        "nobody knows whether it was upgraded"
    );
}

/// The code blocks of the page about scheduled scans, by language.
fn snippets(language: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/continuous.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, section) = page.split_once("\n## Scheduled scans\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let fence = format!("```{language}\n");
    let blocks = section.split(&fence).skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

/// A file of `deploy/scheduled`.
fn deployed(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/scheduled");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// Runs a command as a schedule has it, with the paths of the schedule in a folder, and returns what the receiver gets.
fn run_scheduled(service: &Service, folder: &Path, command: &str) -> Vec<String> {
    let place = folder.display().to_string();
    let command = command.replace("\\\n", " ");
    let words = command
        .split_whitespace()
        .skip_while(|word| !word.ends_with("kubeknock"));
    let words: Vec<String> = words
        .skip(1)
        .map(|word| {
            let mut word = word.replace(
                "http://127.0.0.1:9093",
                &format!("https://{}", service.address),
            );
            for prefix in [
                "/etc/kubeknock",
                "/var/lib",
                "/targets",
                "/secrets",
                "/kept",
                "%d",
                "%S",
            ] {
                word = word.replace(prefix, &place);
            }
            word
        })
        .collect();
    for (name, content) in [("slack", service.url()), ("kubeknock.toml", String::new())] {
        fs::write(folder.join(name), content).unwrap();
    }
    let mut program = service.program();
    for name in ["SLACK", "KUBEKNOCK_SLACK"] {
        program.env(name, service.url());
    }
    let output = program.current_dir(folder).args(&words).output().unwrap();
    let code = output.status.code();
    assert!(
        matches!(code, Some(0 | 1)),
        "{words:?}: {}",
        stderr(&output)
    );
    service.take()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_schedule_tells_once() {
    let server = start("exposed").await;
    let mut commands = snippets("sh");
    commands.extend(snippets("cron"));
    assert_eq!(commands.len(), 3, "{commands:?}");
    for (file, before, after) in [
        ("kubeknock.service", "ExecStart=", "\n# "),
        ("github.yml", "          kubeknock scan ", "\n      # "),
        ("gitlab.yml", "      kubeknock scan ", "\n  # "),
    ] {
        let text = deployed(file);
        let command = text
            .split_once(before)
            .unwrap()
            .1
            .split(after)
            .next()
            .unwrap();
        let command = command.trim_start_matches("/usr/local/bin/kubeknock ");
        let scan = if before.ends_with("scan ") {
            "scan"
        } else {
            ""
        };
        commands.push(format!("kubeknock {scan} {command}"));
    }
    let job = deployed("cronjob.yaml");
    let args = job
        .split_once("args:\n")
        .unwrap()
        .1
        .split("securityContext")
        .next()
        .unwrap();
    let args = args
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "));
    commands.push(format!("kubeknock {}", args.collect::<Vec<_>>().join(" ")));
    for command in commands {
        assert!(
            command.contains("auto:") && command.contains("-notify"),
            "{command}"
        );
        let folder = tempfile::tempdir().unwrap();
        let service = receiver();
        fs::write(
            folder.path().join("clusters.txt"),
            format!("{}\n", server.address()),
        )
        .unwrap();
        let first = run_scheduled(&service, folder.path(), &command);
        assert_eq!(first.len(), 1, "{command}");
        let second = run_scheduled(&service, folder.path(), &command);
        if command.contains("alertmanager") {
            assert_eq!(body(&second[0]), body(&first[0]), "{command}");
        } else {
            assert!(second.is_empty(), "{command}");
        }
    }
}

/// The example has the keys that are sent.
#[tokio::test(flavor = "multi_thread")]
async fn the_documented_json_is_what_is_sent() {
    let [example] = &snippets("json")[..] else {
        panic!()
    };
    let example: Value = serde_json::from_str(example).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = start("exposed").await;
    let service = receiver();
    scan(
        &service,
        folder.path(),
        server.address(),
        &["webhook=env:HOOK"],
        &[],
    );
    let sent = body(&service.take()[0]);
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&example), keys(&sent));
    for key in ["scan", "counts"] {
        assert_eq!(keys(&example[key]), keys(&sent[key]), "{key}");
    }
    assert!(keys(&example["news"][0]).is_subset(&keys(&sent["news"][0])));
    for key in ["id", "schema"] {
        assert_eq!(
            example[key].as_str().unwrap().len(),
            sent[key].as_str().unwrap().len()
        );
    }
}

#[test]
fn systemd_accepts_the_units_and_calls_them_safe() {
    let folder = tempfile::tempdir().unwrap();
    let program = "/usr/local/bin/kubeknock";
    for name in ["kubeknock.service", "kubeknock.timer"] {
        // The program may not be installed here.
        let unit = deployed(name).replace(program, env!("CARGO_BIN_EXE_kubeknock"));
        fs::write(folder.path().join(name), unit).unwrap();
    }
    let analyze = |args: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.current_dir(folder.path()).args(args).output()
    };
    let units = ["./kubeknock.service", "./kubeknock.timer"];
    let Ok(output) = analyze(&[&["verify", "--man=no"], &units[..]].concat()) else {
        without("systemd-analyze", "the units of scheduled scans");
        return;
    };
    let said = stdout(&output) + &stderr(&output);
    // It also tells of units of this machine.
    assert!(
        output.status.success() && !said.contains("kubeknock"),
        "{said}"
    );
    let exposure = [
        "security",
        "--offline=yes",
        "--threshold=15",
        "--no-pager",
        units[0],
    ];
    let output = analyze(&exposure).unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
    // The check does find a mistake.
    let unit = deployed("kubeknock.service").replace("DynamicUser=yes", "DynamicUsr=yes");
    fs::write(
        folder.path().join("kubeknock.service"),
        unit.replace("ProtectSystem=strict", ""),
    )
    .unwrap();
    assert!(!analyze(&exposure).unwrap().status.success());
}
