//! Requests that leave together, and servers that do not take them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kubeknock::model::{EndpointReport, OneAtATime, Request, Verdict};
use kubeknock::simulator::{self, Scenario};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::byhand::{ByHand, acceptor, audit_id, default_cluster, insecure, listen, whole};
use crate::support::{config, knock, serve};

/// A default API server over TLS. `answer` gets the number of the connection, from 1, and the requests that came at
/// once, as paths; it returns what is sent, and whether the connection ends then.
async fn server(
    answer: impl Fn(usize, &[&str]) -> (String, bool) + Send + Sync + 'static,
) -> ByHand {
    let (tls, answer) = (acceptor(&[b"http/1.1"]), Arc::new(answer));
    listen(move |stream, number, server| {
        let (tls, answer) = (tls.clone(), Arc::clone(&answer));
        async move {
            let Ok(mut stream) = tls.accept(stream).await else {
                return;
            };
            loop {
                let mut bytes = vec![0; 4096];
                let Ok(read @ 1..) = stream.read(&mut bytes).await else {
                    return;
                };
                let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
                let paths: Vec<&str> = (text.split("\r\n\r\n"))
                    .filter_map(|head| head.split(' ').nth(1))
                    .collect();
                server.note(&paths.join(" "));
                let (sent, ends) = answer(number, &paths);
                let written = stream.write_all(sent.as_bytes()).await;
                if written.is_err() || ends {
                    let _ = stream.shutdown().await;
                    return;
                }
            }
        }
    })
    .await
}

fn response(path: &str) -> String {
    let (head, body) = default_cluster(path);
    String::from_utf8(whole(&head, &body)).unwrap()
}

fn responses(paths: &[&str]) -> String {
    paths.iter().map(|path| response(path)).collect()
}

/// An API server's 401 with these header lines.
fn unauthorized(lines: &str) -> String {
    let body = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\
                \"message\":\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}\n";
    let head = format!("HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n{lines}");
    String::from_utf8(whole(&head, body)).unwrap()
}

fn refusals(paths: &[&str]) -> String {
    (paths.iter()).map(|_| unauthorized(&audit_id())).collect()
}

async fn ask(server: &ByHand) -> EndpointReport {
    let config = config().with(|config| {
        config.retries = 0;
        config.timeout = Duration::from_secs(2);
    });
    knock(config, &server.address.to_string()).await
}

/// One read gives the server all three: it answers nothing before it has them.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_requests_leave_together() {
    let server = server(|_, paths| match paths {
        [_, _, _] => (responses(paths), false),
        _ => (String::new(), true),
    })
    .await;
    let record = ask(&server).await;
    assert_eq!(record.verdict, Verdict::Forbidden, "{}", record.reason);
    assert_eq!(server.requests(), ["/version /api /healthz"]);
    assert_eq!((record.connections, record.one_at_a_time), (1, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_three_401s_two_more_leave_together() {
    let server = server(|_, paths| (refusals(paths), false)).await;
    let record = ask(&server).await;
    assert_eq!(record.verdict, Verdict::Rejected, "{}", record.reason);
    assert_eq!(
        server.requests(),
        ["/version /api /healthz", "/livez /readyz"]
    );
    assert_eq!(record.connections, 1);
}

/// Each server gets the verdict that it gets one at a time, and the record says why.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_does_not_take_together_is_asked_one_at_a_time() {
    type Answer = fn(usize, &[&str]) -> (String, bool);
    let servers: [(&str, OneAtATime, Answer); 12] = [
        (
            "reads one request and drops the others",
            OneAtATime::Stalled,
            |_, paths| (responses(&paths[..1]), false),
        ),
        ("closes after the first", OneAtATime::Closed, |_, paths| {
            (responses(&paths[..1]), paths.len() > 1)
        }),
        (
            "closes without an answer",
            OneAtATime::Closed,
            |_, paths| match paths {
                [path] => (response(path), false),
                _ => (String::new(), true),
            },
        ),
        ("says that it closes", OneAtATime::Closed, |_, paths| {
            let closing =
                |path: &str| response(path).replacen("\r\n", "\r\nConnection: close\r\n", 1);
            (closing(paths[0]), true)
        }),
        (
            "answers in another order",
            OneAtATime::Misfit,
            |_, paths| {
                let order: Vec<&str> = paths.iter().rev().copied().collect();
                (responses(&order), false)
            },
        ),
        (
            "answers each with the first answer",
            OneAtATime::Misfit,
            |_, paths| (response(paths[0]).repeat(paths.len()), false),
        ),
        ("refuses the others", OneAtATime::Misfit, |_, paths| {
            let refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno\n";
            let others = refusal.repeat(paths.len() - 1);
            (format!("{}{others}", response(paths[0])), false)
        }),
        (
            "breaks off its second answer",
            OneAtATime::Misfit,
            |_, paths| match paths {
                [path] => (response(path), false),
                _ => (format!("{}garbage\r\n\r\n", response(paths[0])), false),
            },
        ),
        (
            "answers once too often",
            OneAtATime::Surplus,
            |_, paths| match paths {
                [path] => (response(path), false),
                _ => (format!("{}{}", responses(paths), response("/api")), false),
            },
        ),
        (
            "is silent to several",
            OneAtATime::Stalled,
            |_, paths| match paths {
                [path] => (response(path), false),
                _ => (String::new(), false),
            },
        ),
        (
            "refuses several in an API server's words",
            OneAtATime::Misfit,
            |_, paths| match paths {
                [path] => (response(path), false),
                _ => (unauthorized("").repeat(3), false),
            },
        ),
        ("shows a page to several", OneAtATime::Misfit, |_, paths| {
            if let [path] = paths {
                (response(path), false)
            } else {
                let page = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
                (page.repeat(3), false)
            }
        }),
    ];
    for (what, why, answer) in servers {
        let server = server(answer).await;
        let record = ask(&server).await;
        assert_eq!(
            (record.verdict, record.one_at_a_time, record.requests.len()),
            (Verdict::Forbidden, Some(why), 3),
            "{what}: {}",
            record.reason
        );
        let asked = server.requests();
        assert_eq!(asked[0], "/version /api /healthz", "{what}");
        assert!(
            asked[1..].iter().all(|paths| !paths.contains(' ')),
            "{what}: {asked:?}"
        );
    }
}

/// A front end that loses the second request answers the third in its place. What is open must not vanish.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_request_hides_nothing() {
    let server = server(|_, paths| {
        let answer = |path: &&str| match *path {
            "/api" => String::from_utf8(insecure("/api")).unwrap().replacen(
                "\r\n",
                &format!("\r\n{}", audit_id()),
                1,
            ),
            _ => unauthorized(&audit_id()),
        };
        let lost = if paths.len() > 1 { 1 } else { usize::MAX };
        let kept = (paths.iter().enumerate()).filter(|(at, _)| *at != lost);
        (kept.map(|(_, path)| answer(path)).collect(), false)
    })
    .await;
    let record = ask(&server).await;
    assert_eq!(
        (record.verdict, record.one_at_a_time),
        (Verdict::Exposed, Some(OneAtATime::Stalled)),
        "{}",
        record.reason
    );
}

/// Answers to HEAD do not tell which list is open, so lists that differ are asked one at a time.
#[tokio::test(flavor = "multi_thread")]
async fn the_open_list_is_named_although_answers_to_head_come_in_another_order() {
    let server = server(|_, paths| {
        let answer = |path: &str| {
            if path.starts_with("/api/v1/") || path.starts_with("/apis/") {
                let status = if path.starts_with("/api/v1/configmaps") {
                    "405 Method Not Allowed"
                } else {
                    "403 Forbidden"
                };
                let (head, _) = default_cluster("/api");
                return format!(
                    "{}Content-Length: 9\r\n\r\n",
                    head.replacen("403 Forbidden", status, 1)
                );
            }
            response(path)
        };
        let lists = paths.iter().all(|path| path.contains("limit=1"));
        let mut answers: Vec<String> = paths.iter().map(|path| answer(path)).collect();
        if lists {
            answers.reverse();
        }
        (answers.concat(), false)
    })
    .await;
    let config = config().with(|config| {
        config.deep = true;
        config.retries = 0;
    });
    let record = knock(config, &server.address.to_string()).await;
    assert_eq!(record.one_at_a_time, Some(OneAtATime::Unproven));
    let open: Vec<&str> = (record.exposing())
        .map(|grant| grant.path.as_str())
        .collect();
    assert_eq!(open, ["/api/v1/configmaps"], "{}", record.reason);
}

/// A probe that is asked to wait starts over after the pause.
#[tokio::test(flavor = "multi_thread")]
async fn an_overloaded_server_is_asked_again_after_its_pause() {
    let server = server(|_, paths| {
        let busy = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
        match paths {
            [path] => (response(path), false),
            _ => (format!("{busy}{busy}{}", response("/healthz")), false),
        }
    })
    .await;
    let config = config().with(|config| config.retries = 0);
    let record = knock(config, &server.address.to_string()).await;
    assert_eq!(record.one_at_a_time, Some(OneAtATime::AskedToWait));
    let asked = server.requests();
    assert_eq!(
        asked[..2],
        ["/version /api /healthz", "/version"],
        "{asked:?}"
    );
}

/// An answer that names its path counts; nothing else does, and the verdict does not say that nobody answered.
#[tokio::test(flavor = "multi_thread")]
async fn answers_in_doubt_do_not_count_if_no_further_connection_is_served() {
    let server_that_ends = |answer: fn(&[&str]) -> String| {
        server(move |number, paths| match number {
            1 => (answer(paths), false),
            _ => (String::new(), true),
        })
    };
    let various = server_that_ends(|_| {
        let page = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>";
        format!("{}{page}{page}", unauthorized(""))
    })
    .await;
    // Without a mark, anybody may have sent them.
    let unmarked = server_that_ends(|paths| unauthorized("").repeat(paths.len())).await;
    for server in [various, unmarked] {
        let record = ask(&server).await;
        assert_eq!(record.verdict, Verdict::Inconclusive, "{}", record.reason);
        let reason = "no answer certainly belongs to /version, /api, /healthz, because requests left together";
        assert_eq!(record.reason, reason);
    }
    let in_part = server_that_ends(|paths| format!("{}garbage", responses(&paths[..2]))).await;
    let record = ask(&in_part).await;
    assert_eq!(record.verdict, Verdict::Inconclusive, "{}", record.reason);
    let answered = record
        .requests
        .iter()
        .filter(|request| request.exchange.outcome.is_ok());
    assert_eq!(answered.count(), 2);
}

/// A device that lets one connection through: the request that is made alone gives it up, and what it would have shown is
/// not known.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_given_up_leaves_the_verdict_open() {
    let server = server(|number, paths| match number {
        1 => (responses(paths), false),
        _ => (String::new(), true),
    })
    .await;
    let requests = vec![Request::for_path("/metrics").unwrap()];
    let config = config().with(|config| config.requests = requests);
    let record = knock(config, &server.address.to_string()).await;
    assert_eq!(record.verdict, Verdict::Inconclusive, "{}", record.reason);
    let reason = "could not be asked again after requests left together: ";
    assert!(record.reason.starts_with(reason), "{}", record.reason);
}

/// A device that blocks a client for its pipelining: the next attempt asks one at a time.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_asks_one_at_a_time() {
    let server = server(|number, paths| match (number, paths) {
        (1 | 2, _) | (_, [_, _, ..]) => (String::new(), true),
        (_, paths) => (responses(paths), false),
    })
    .await;
    let record = knock(config(), &server.address.to_string()).await;
    assert_eq!(record.verdict, Verdict::Forbidden, "{}", record.reason);
    let together = server.requests();
    let together = together.iter().filter(|paths| paths.contains(' '));
    assert_eq!(together.count(), 1);
}

/// Half of the time limit is enough for an answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_is_waited_for() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let server = server(move |_, paths| {
        if counted.fetch_add(1, Ordering::SeqCst) == 0 {
            std::thread::sleep(Duration::from_millis(500));
        }
        (responses(paths), false)
    })
    .await;
    let record = ask(&server).await;
    assert_eq!(record.verdict, Verdict::Forbidden, "{}", record.reason);
    assert_eq!((asked.load(Ordering::SeqCst), record.connections), (1, 1));
}

/// The status of each answer, by path; `None` for a failure.
type Answers<'a> = Vec<(&'a str, Option<u16>)>;

/// The answers of a record and the paths that are open, sorted.
fn told(record: &EndpointReport) -> (Answers<'_>, Vec<&str>) {
    let mut answers: Answers<'_> = (record.requests.iter())
        .map(|request| {
            let exchange = &request.exchange;
            let status = exchange.outcome.as_ref().ok().map(|reply| reply.status);
            (exchange.request.path.as_str(), status)
        })
        // A request that had to wait is made again, and the answer to a flight is not kept.
        .filter(|(_, status)| *status != Some(429))
        .collect();
    answers.sort_unstable();
    answers.dedup();
    let mut open: Vec<&str> = (record.grants.iter())
        .map(|grant| grant.path.as_str())
        .collect();
    open.sort_unstable();
    (answers, open)
}

/// Every simulated server, hostile ones included, without and with `--deep`.
#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_gets_the_same_result_both_ways() {
    let mut compared = 0;
    for scenario in simulator::scenarios() {
        for deep in [false, true] {
            let [together, apart] = [false, true].map(|one_at_a_time| {
                let scenario: Arc<Scenario> = Arc::clone(scenario);
                async move {
                    let server = serve(scenario).await;
                    let config = config().with(|config| {
                        config.one_at_a_time = one_at_a_time;
                        config.deep = deep;
                        config.retries = 0;
                        config.timeout = Duration::from_secs(1);
                    });
                    let scheme = if server.scenario().plain_http() {
                        "http"
                    } else {
                        "https"
                    };
                    knock(config, &format!("{scheme}://{}", server.address())).await
                }
            });
            let (together, apart) = tokio::join!(together, apart);
            assert_eq!(apart.one_at_a_time, None);
            assert_eq!(together.verdict, apart.verdict, "{}", scenario.name);
            // A server that takes its time gets further if it is asked together.
            if apart.verdict == Verdict::Unreachable || !apart.not_asked.is_empty() {
                continue;
            }
            assert_eq!(told(&together), told(&apart), "{} {deep}", scenario.name);
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}
