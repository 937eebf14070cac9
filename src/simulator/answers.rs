//! Which reply a request gets, and what there is to say about one reply.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::reply::{Body, Reply};

/// Stands in a fallback's body for the path that was asked.
pub(super) const PATH_PLACE: &str = "{path}";

/// Every reply of one server.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) routes: Vec<Route>,
    /// Positions in `routes` by path: a GET and a HEAD may share one.
    index: HashMap<String, Vec<usize>>,
    fallback: Reply,
    /// Whether every answer is an HTTP/1.0 one.
    pub(super) http10: bool,
    /// Whether every answer over HTTP/2 ends the connection.
    pub(super) goaway: bool,
}

/// The replies to one request.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// `GET` or `HEAD`.
    pub(super) method: String,
    /// Path and query, exactly.
    pub(super) path: String,
    /// The first replies: each as many times as it says.
    pub(super) timed: Vec<(u64, Reply)>,
    /// Every further one; the fallback where there is none.
    pub(super) then: Option<Reply>,
}

/// How often each route of one running server was asked.
#[derive(Debug, Default)]
pub(super) struct Asked(Vec<AtomicU64>);

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

    /// Every reply there is, the fallback last.
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

    /// Whether some answer cannot be left to an HTTP library.
    pub(super) fn byte_level(&self) -> bool {
        self.http10
            || self
                .replies()
                .any(|reply| reply.behaviour.is_some() || reply.map.is_none())
    }

    /// Counters for one running server.
    pub(super) fn asked(&self) -> Asked {
        Asked(self.routes.iter().map(|_| AtomicU64::new(0)).collect())
    }

    /// The reply to this request, counting that it was asked.
    pub(super) fn choose(&self, asked: &Asked, method: &str, path: &str) -> Chosen<'_> {
        let found = self
            .index
            .get(path)
            .into_iter()
            .flatten()
            .find_map(|position| {
                let route = self.routes.get(*position)?;
                (route.method == method).then_some((route, asked.0.get(*position)?))
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
    /// What it gives after it was asked `before` times.
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
    /// The body; a fallback names the asked path where it has a place for it.
    pub(super) fn body(&self, path: &str) -> Body {
        let body = &self.reply.body;
        match std::str::from_utf8(&body.start) {
            Ok(text) if self.fallback && text.contains(PATH_PLACE) => {
                let bare = path.split_once('?').map_or(path, |(bare, _)| bare);
                // Escaped twice: the message quotes the path, and the message is a JSON string.
                let named = text.replace(PATH_PLACE, &escaped(&escaped(bare)));
                Body {
                    start: Bytes::from(named),
                    padding: body.padding,
                }
            }
            _ => body.clone(),
        }
    }
}

/// The text as it stands between the quotes of a JSON string.
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

    fn statuses(answers: &Answers, asked: &Asked, method: &str, times: usize) -> Vec<u16> {
        (0..times)
            .map(|_| answers.choose(asked, method, "/version").reply.status)
            .collect()
    }

    #[test]
    fn timed_replies_come_first_and_each_method_counts_for_itself() {
        let timed = vec![(2, reply(403, "")), (1, reply(500, ""))];
        let answers = Answers::new(
            vec![
                route("GET", timed, Some(reply(200, ""))),
                route("HEAD", vec![(1, reply(405, ""))], None),
            ],
            reply(404, ""),
        );
        let asked = answers.asked();
        assert_eq!(
            statuses(&answers, &asked, "GET", 5),
            [403, 403, 500, 200, 200]
        );
        assert_eq!(statuses(&answers, &asked, "HEAD", 2), [405, 404]);
        assert_eq!(statuses(&answers, &asked, "POST", 1), [404]);
        assert_eq!(
            statuses(&answers, &answers.asked(), "GET", 1),
            [403],
            "each server counts for itself"
        );
    }

    #[test]
    fn a_fallback_names_the_path_and_stays_json() {
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
            let body = answers.choose(&answers.asked(), "GET", path).body(path);
            let value: serde_json::Value = serde_json::from_slice(&body.start).unwrap();
            assert_eq!(value["message"], format!("cannot get path {named}"));
        }
    }

    #[test]
    fn only_a_fallback_fills_the_place_in() {
        let answers = Answers::new(
            vec![route("GET", Vec::new(), Some(reply(200, "{path}")))],
            reply(404, ""),
        );
        let body = answers
            .choose(&answers.asked(), "GET", "/version")
            .body("/version");
        assert_eq!(body.start, "{path}");
    }
}
