//! One HTTP answer: its status, its headers and the meaning of its body. Its size is limited.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Failure;
use crate::kubernetes::{Answer, FLOW_CONTROL, HeaderMarks, Headers, Status, is_json, media_type};

/// An answer. Its body was parsed, and its bytes are kept only on request.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`.
    pub(crate) version: http::Version,
    /// The headers that a conclusion or a report needs; the first of each name.
    pub(crate) headers: Headers,
    /// What the headers show.
    pub(crate) marks: HeaderMarks,
    /// The meaning of the body.
    pub answer: Answer,
    /// A hash of the body, to compare two answers; `None` without a body, and in a saved report.
    pub digest: Option<u64>,
    /// How many bytes of the body were read, up to the limit.
    pub body_size: usize,
    /// The failure that ended the body early.
    pub body_failure: Option<Failure>,
    /// The answer as it came; `None` unless the scan keeps it ([`ScanConfig::keep_answers`]), and in a saved report.
    ///
    /// [`ScanConfig::keep_answers`]: crate::config::ScanConfig::keep_answers
    pub raw: Option<Arc<RawAnswer>>,
}

/// The headers and the body of an answer as they came, up to the limits of the probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAnswer {
    /// Names in lower case, and values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body; `None` for a list of resources, whose body is never kept.
    pub body: Option<Vec<u8>>,
}

impl Reply {
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`.
    pub fn http_version(&self) -> String {
        format!("{:?}", self.version)
    }

    /// The first header of this name as text; bytes that are not UTF-8 are replaced.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// `Content-Type` without its parameters, in lower case.
    pub fn media_type(&self) -> Option<String> {
        media_type(&self.headers)
    }

    /// The pause that `Retry-After` asks for (RFC 9110, section 10.2.3): seconds or a date. A date is compared with the
    /// server's `Date` header if there is one, else with `now`. `None` for no pause.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let header = self.header("retry-after")?;
        let text = header.trim();
        let pause = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // A number that overflows is longer than any pause that we wait for.
            Duration::from_secs(text.parse().unwrap_or(u64::MAX))
        } else {
            let theirs = self.header("date").and_then(|date| http_date(date.trim()));
            let now = theirs.unwrap_or_else(|| TimeZone::UTC.to_datetime(now));
            Duration::try_from(http_date(text)?.duration_since(now)).ok()?
        };
        (!pause.is_zero()).then_some(pause)
    }

    /// Whether this answer has the header marks of the endpoint's GET answers (`reference`). If a front end answers a
    /// HEAD itself, its answer lacks them.
    pub fn vouched_by(&self, reference: HeaderMarks) -> bool {
        let own = self.header_marks();
        let as_marked = reference.any()
            && (own.audit_id || !reference.audit_id)
            && (own.flow_control || !reference.flow_control);
        match self.status {
            // Authentication comes before flow control: a 401 never has those headers.
            401 => reference.audit_id && own.audit_id && is_json(&self.headers),
            403 => as_marked && own.nosniff_json,
            _ => as_marked,
        }
    }

    /// The answer without any names of objects, for requests that test whether lists are open: a front end may ignore
    /// the query and return objects, and error messages may name them.
    #[must_use]
    pub fn without_objects(mut self) -> Self {
        self.headers.remove("location");
        self.answer = match self.answer {
            Answer::Status(status)
                if status.names_anonymous() || status.refuses_the_continue_token() =>
            {
                Answer::Status(status)
            }
            Answer::Status(status) => Answer::Status(Status {
                message: String::new(),
                ..status
            }),
            kept @ (Answer::ResourceList { .. }
            | Answer::KubeletDeniesAnonymous
            | Answer::KubeletDeniesUser
            | Answer::Html
            | Answer::Binary
            | Answer::Empty
            | Answer::Cut) => kept,
            Answer::Text(_) => Answer::Text(String::new()),
            _ => Answer::OtherJson,
        };
        self
    }

    /// Whether it only says that the client should speak TLS. Servers answer plain HTTP on a TLS port like this, and
    /// many of them just with "bad request".
    pub fn sends_to_tls(&self) -> bool {
        let location = || self.headers.get("location").unwrap_or_default();
        match self.status {
            _ if self.answer == Answer::WantsTls => true,
            300..=399 => location()
                .get(..8)
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https://")),
            400 | 426 => !self.speaks_kubernetes(),
            _ => false,
        }
    }

    /// Whether only a Kubernetes API returns such a body, or the answer has an API server's header marks.
    pub fn speaks_kubernetes(&self) -> bool {
        self.answer.is_kubernetes() || self.header_marks().any()
    }

    /// Whether the server still starts: until flow control is set up, its headers are empty, and the server refuses
    /// every request.
    pub fn is_starting(&self) -> bool {
        FLOW_CONTROL
            .iter()
            .all(|name| self.headers.get(name).is_some_and(<[u8]>::is_empty))
    }

    /// The header marks of an API server in this answer.
    pub const fn header_marks(&self) -> HeaderMarks {
        self.marks
    }
}

/// Parses a date in UTC, in any of the three forms of RFC 9110, section 5.6.7.
fn http_date(text: &str) -> Option<DateTime> {
    const FORMS: [&str; 3] = [
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
    ];
    FORMS
        .iter()
        .find_map(|form| DateTime::strptime(form, text).ok())
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::reply;
    use super::*;

    fn pause(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let asked = headers
            .iter()
            .fold(reply(429, "text/plain", ""), |reply, (name, value)| {
                reply.with(name, value)
            });
        asked.retry_after("1994-11-06T08:49:00Z".parse().unwrap())
    }

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(pause(&[("retry-after", " 120 ")]), seconds(120));
        assert_eq!(
            pause(&[("retry-after", "99999999999999999999999")]),
            seconds(u64::MAX)
        );
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(pause(&[("retry-after", date)]), seconds(37), "{date}");
            // By a clock that is behind ours.
            let theirs = ("date", "Sun, 06 Nov 1994 08:44:37 GMT");
            assert_eq!(
                pause(&[("retry-after", date), theirs]),
                seconds(300),
                "{date}"
            );
        }
        for none in [
            "0",
            "",
            "-5",
            "soon",
            "Sun, 06 Nov 1994 08:48:59 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
        ] {
            assert_eq!(pause(&[("retry-after", none)]), None, "{none:?}");
        }
        assert_eq!(pause(&[]), None);
    }
}
