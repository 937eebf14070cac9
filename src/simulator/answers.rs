//! Selects the reply to a request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::reply::{Body, Reply};

/// The placeholder for the requested path in the body of a fallback.
pub(super) const PATH_PLACEHOLDER: &str = "{path}";

/// All replies of one server.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) routes: Vec<Route>,
    /// Positions in `routes` by path; GET and HEAD may share a path.
    index: HashMap<String, Vec<usize>>,
    fallback: Reply,
    /// Whether responses are HTTP/1.0.
    pub(super) http10: bool,
    /// Whether every response over HTTP/2 closes the connection.
    pub(super) goaway: bool,
}

/// The replies to one request.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// `GET` or `HEAD`.
    pub(super) method: String,
    /// Path and query, exactly.
    pub(super) path: String,
    /// The first replies, each with the number of times it is given.
    pub(super) timed: Vec<(u64, Reply)>,
    /// Every further reply; if `None`, the fallback.
    pub(super) then: Option<Reply>,
}

/// How often each route of one running server was requested.
#[derive(Debug, Default)]
pub(super) struct RequestCounts(Vec<AtomicU64>);

/// The reply to one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen<'a> {
    pub(super) reply: &'a Reply,
    fallback: bool,
}

impl Answers {
    pub(super) fn new(routes: Vec<Route>, fallback: Reply) -> Self {
        let mut index: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, route) in routes.iter().enumerate() {
            index.entry(route.path.clone()).or_default().push(position);
        }
        Self {
            routes,
            index,
            fallback,
            http10: false,
            goaway: false,
        }
    }

    /// All replies, the fallback last.
    pub(super) fn replies(&self) -> impl Iterator<Item = &Reply> {
        let routed = self.routes.iter().flat_map(|route| {
            route
                .timed
                .iter()
                .map(|(_, reply)| reply)
                .chain(route.then.as_ref())
        });
        routed.chain([&self.fallback])
    }

    /// Whether an HTTP library cannot send some of the replies.
    pub(super) fn need_raw_bytes(&self) -> bool {
        self.http10
            || self
                .replies()
                .any(|reply| reply.behaviour.is_some() || reply.map.is_none())
    }

    /// New counters for one running server.
    pub(super) fn request_counts(&self) -> RequestCounts {
        RequestCounts(self.routes.iter().map(|_| AtomicU64::new(0)).collect())
    }

    /// Selects the reply to this request and counts the request.
    pub(super) fn choose(&self, counts: &RequestCounts, method: &str, path: &str) -> Chosen<'_> {
        let found = self
            .index
            .get(path)
            .into_iter()
            .flatten()
            .find_map(|position| {
                let route = self.routes.get(*position)?;
                (route.method == method).then_some((route, counts.0.get(*position)?))
            });
        match found.and_then(|(route, count)| route.nth(count.fetch_add(1, Ordering::Relaxed))) {
            Some(reply) => Chosen {
                reply,
                fallback: false,
            },
            None => Chosen {
                reply: &self.fallback,
                fallback: true,
            },
        }
    }
}

impl Route {
    /// The reply after `before` earlier requests.
    fn nth(&self, before: u64) -> Option<&Reply> {
        let mut sum = 0_u64;
        for (times, reply) in &self.timed {
            sum = sum.saturating_add(*times);
            if before < sum {
                return Some(reply);
            }
        }
        self.then.as_ref()
    }
}

impl Chosen<'_> {
    /// The body, with the requested path inserted if this is a fallback with a placeholder.
    pub(super) fn body(&self, path: &str) -> Body {
        let body = &self.reply.body;
        match std::str::from_utf8(&body.start) {
            Ok(text) if self.fallback && text.contains(PATH_PLACEHOLDER) => {
                let bare = path.split_once('?').map_or(path, |(bare, _)| bare);
                // Escaped twice, because the message quotes the path and is itself a JSON string.
                let named = text.replace(PATH_PLACEHOLDER, &escaped(&escaped(bare)));
                Body {
                    start: Bytes::from(named),
                    padding: body.padding,
                }
            }
            _ => body.clone(),
        }
    }
}

/// The text escaped for the inside of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &'static str) -> Reply {
        Reply::new(
            status,
            Vec::new(),
            Body {
                start: Bytes::from_static(body.as_bytes()),
                padding: 0,
            },
        )
    }

    fn route(method: &str, timed: Vec<(u64, Reply)>, then: Option<Reply>) -> Route {
        Route {
            method: method.to_owned(),
            path: "/version".to_owned(),
            timed,
            then,
        }
    }

    fn statuses(answers: &Answers, counts: &RequestCounts, method: &str, times: usize) -> Vec<u16> {
        (0..times)
            .map(|_| answers.choose(counts, method, "/version").reply.status)
            .collect()
    }

    #[test]
    fn timed_replies_come_first_and_methods_are_counted_separately() {
        let timed = vec![(2, reply(403, "")), (1, reply(500, ""))];
        let answers = Answers::new(
            vec![
                route("GET", timed, Some(reply(200, ""))),
                route("HEAD", vec![(1, reply(405, ""))], None),
            ],
            reply(404, ""),
        );
        let counts = answers.request_counts();
        assert_eq!(
            statuses(&answers, &counts, "GET", 5),
            [403, 403, 500, 200, 200]
        );
        assert_eq!(statuses(&answers, &counts, "HEAD", 2), [405, 404]);
        assert_eq!(statuses(&answers, &counts, "POST", 1), [404]);
        assert_eq!(
            statuses(&answers, &answers.request_counts(), "GET", 1),
            [403],
            "each server has its own counters"
        );
    }

    #[test]
    fn a_fallback_with_the_path_inserted_stays_valid_json() {
        let body = r#"{"message":"cannot get path \"{path}\""}"#.replace(r"\\", r"\");
        let fallback = Reply::new(
            403,
            Vec::new(),
            Body {
                start: Bytes::from(body),
                padding: 0,
            },
        );
        let answers = Answers::new(Vec::new(), fallback);
        for (path, named) in [("/x?limit=1", r#""/x""#), (r#"/a"b\"#, r#""/a\"b\\""#)] {
            let body = answers
                .choose(&answers.request_counts(), "GET", path)
                .body(path);
            let value: serde_json::Value = serde_json::from_slice(&body.start).unwrap();
            assert_eq!(value["message"], format!("cannot get path {named}"));
        }
    }

    #[test]
    fn only_a_fallback_replaces_the_placeholder() {
        let answers = Answers::new(
            vec![route("GET", Vec::new(), Some(reply(200, "{path}")))],
            reply(404, ""),
        );
        let body = answers
            .choose(&answers.request_counts(), "GET", "/version")
            .body("/version");
        assert_eq!(body.start, "{path}");
    }
}
