//! The answers of an endpoint as they came, for people who want to see them.
//!
//! The scan keeps them only if it is told to, and no report has them. Text is escaped and bounded. The bodies of lists
//! of resources are never kept.

use std::io::{self, Write};

use super::escape::escape;
use crate::model::{EndpointReport, Exchange, RawAnswer, Reply};

/// Characters of a line.
const MAX_LINE: usize = 400;
/// Lines of a body.
const MAX_LINES: usize = 60;
/// Headers of an answer.
const MAX_HEADERS: usize = 60;

/// Writes the answers of one endpoint: the request behind `>`, and the answer behind `<`.
pub fn write(out: &mut dyn Write, report: &EndpointReport) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let prefix = &report.target.prefix;
    for request in &report.requests {
        let Exchange {
            request, outcome, ..
        } = &*request.exchange;
        let path = format!("{prefix}{}", request.path);
        writeln!(
            out,
            "\n> {} {}",
            request.method.as_str(),
            escape(&path, MAX_LINE)
        )?;
        match outcome {
            Ok(reply) => answer(&mut out, reply)?,
            Err(failure) => writeln!(
                out,
                "  no answer: {}",
                escape(&failure.to_string(), MAX_LINE)
            )?,
        }
    }
    out.flush()
}

fn answer(out: &mut impl Write, reply: &Reply) -> io::Result<()> {
    writeln!(out, "< {} {}", reply.http_version(), reply.status)?;
    let Some(RawAnswer { headers, body }) = reply.raw.as_deref() else {
        return Ok(());
    };
    for (name, value) in headers.iter().take(MAX_HEADERS) {
        let value = String::from_utf8_lossy(value);
        writeln!(out, "< {}", escape(&format!("{name}: {value}"), MAX_LINE))?;
    }
    if headers.len() > MAX_HEADERS {
        writeln!(out, "  … and {} more headers", headers.len() - MAX_HEADERS)?;
    }
    let Some(body) = body else {
        return writeln!(out, "  (the body of a list of resources is not kept)");
    };
    if body.is_empty() {
        return Ok(());
    }
    writeln!(out, "<")?;
    let body = String::from_utf8_lossy(body);
    let mut lines = body.lines();
    for line in lines.by_ref().take(MAX_LINES) {
        writeln!(out, "< {}", escape(line, MAX_LINE))?;
    }
    match lines.count() {
        0 => Ok(()),
        more => writeln!(out, "  … and {more} more lines"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::escape::hidden;
    use super::super::sample;
    use super::*;

    fn written(answer: RawAnswer) -> String {
        let mut sample = sample::mixed();
        let report = &mut sample.reports[0];
        report.requests.truncate(1);
        let answer = Some(Arc::new(answer));
        let exchange = Arc::make_mut(&mut report.requests[0].exchange);
        exchange.outcome.as_mut().unwrap().raw = answer;
        let mut out = Vec::new();
        write(&mut out, report).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_answer_is_shown_as_it_came() {
        let text = written(RawAnswer {
            headers: vec![("audit-id".to_owned(), b"0a1b".to_vec())],
            body: Some(b"{\n  \"major\": \"1\"\n}".to_vec()),
        });
        assert_eq!(
            text,
            "\n> GET /version\n< HTTP/1.1 200\n< audit-id: 0a1b\n<\n< {\n<   \"major\": \"1\"\n< }\n"
        );
    }

    #[test]
    fn hostile_answers_are_escaped_and_bounded() {
        let text = written(RawAnswer {
            headers: vec![("x".to_owned(), b"\x1b[2J\xff".to_vec()); 500],
            body: Some("\u{1b}]0;x\u{7}\u{202e}\r\n".repeat(9_000).into_bytes()),
        });
        assert!(!text.chars().any(|c| c != '\n' && hidden(c)), "{text:?}");
        assert!(text.lines().count() < 200, "{}", text.lines().count());
        assert!(text.contains("… and 8940 more lines"), "{text}");
        let long = written(RawAnswer {
            headers: Vec::new(),
            body: Some(vec![b'x'; 60_000]),
        });
        assert!(long.chars().count() < 1_000, "{}", long.len());
    }

    #[test]
    fn a_list_has_no_body() {
        let text = written(RawAnswer {
            headers: Vec::new(),
            body: None,
        });
        assert!(
            text.ends_with("(the body of a list of resources is not kept)\n"),
            "{text}"
        );
    }
}
