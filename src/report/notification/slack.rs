//! The body for `slack`: one message. Its text is bounded, and nothing in it is a link or a mention, in Slack and in services
//! that take the same and read Markdown, such as Mattermost.

use serde_json::json;

use super::news::{News, NewsKind, Notification};
use crate::escape::escape;

/// News in one message.
const MOST: usize = 20;
/// Characters of a name and of a sentence about it.
const MAX_NAME: usize = 100;
const MAX_TEXT: usize = 250;

pub(super) fn body(notification: &Notification<'_>, id: &str) -> String {
    let scan = notification
        .scan
        .map(|name| format!(" of {}", plain(name, MAX_NAME)));
    let mut lines = vec![format!(
        "*kubeknock: {} since the last scan{}*",
        notification.counts(),
        scan.unwrap_or_default()
    )];
    lines.extend(
        notification
            .outage
            .as_deref()
            .map(|outage| plain(outage, MAX_TEXT)),
    );
    lines.extend(notification.news.iter().take(MOST).map(line));
    let more = notification.news.len().saturating_sub(MOST);
    if more > 0 {
        lines.push(format!("… and {more} more in the report"));
    }
    lines.push(format!("_{:.0}, notification {id}_", notification.started));
    json!({ "text": lines.join("\n") }).to_string()
}

fn line(news: &News<'_>) -> String {
    let News { kind, finding } = news;
    let name = plain(finding.name(), MAX_NAME);
    let said = plain(&finding.said(), MAX_TEXT);
    let severity = finding.severity.as_str();
    match kind {
        NewsKind::New | NewsKind::Worse => {
            format!("• *{}*, {severity}: {name}: {said}", kind.as_str())
        }
        NewsKind::Lost => format!("• *lost*: {name}: {said}"),
        NewsKind::Fixed if finding.rule.about_coverage => {
            format!("• *fixed*: {name} is no longer missing: it has a verdict, or needs none")
        }
        NewsKind::Fixed => format!("• *fixed*, was {severity}: {name}: {said}"),
    }
}

/// Text that may come from the network, as code: neither `@channel` nor a link or another mark of Markdown means anything
/// there. Slack reads `<…>` as links and mentions everywhere.
fn plain(text: &str, max: usize) -> String {
    let text = escape(text, max).replace('`', "'");
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!("`{text}`")
}
