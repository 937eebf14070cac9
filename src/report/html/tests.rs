//! The page as text, and as Chromium shows it.

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::super::escape::hidden;
use super::super::sample::{self, Sample};
use super::super::skip;
use super::*;
use crate::model::Verdict;

#[path = "../../../tests/suite/browser.rs"]
mod browser;

fn html(sample: &Sample) -> String {
    sample::written(|out| write(out, &sample.results(), sample.reports.iter()))
}

/// The page without style and script, with a line for each block.
fn body(page: &str) -> String {
    let page = page
        .replace(STYLE, "")
        .replace(SCRIPT, "")
        .replace(&policy(), "(policy)");
    [
        "<section", "<tbody", "<tr", "<h3", "<div", "<li", "<footer", "<dl", "</tbody>",
    ]
    .iter()
    .fold(page, |page, tag| page.replace(tag, &format!("\n{tag}")))
}

/// The tags with the names of their attributes, in order.
fn tags(page: &str) -> Vec<String> {
    let page = page.replace(STYLE, "").replace(SCRIPT, "");
    let quoted = |tag: &str| tag.split('"').step_by(2).collect::<Vec<_>>().join("\"");
    page.split('<')
        .skip(1)
        .map(|tag| quoted(tag.split('>').next().unwrap()))
        .collect()
}

#[test]
fn a_page() {
    insta::assert_snapshot!("page", body(&html(&sample::mixed())));
    insta::assert_snapshot!("nothing", body(&html(&sample::empty())));
}

#[test]
fn changes_since_the_baseline_are_shown() {
    let page = html(&sample::mixed());
    assert!(page.contains("opens</strong> https://192.0.2.17:6443: forbidden → exposed"));
}

#[test]
fn the_page_loads_nothing() {
    let page = html(&sample::mixed());
    let tags = page.replace(STYLE, "").replace(SCRIPT, "");
    for loads in [
        " src=", "url(", "@import", "<iframe", " style=", " onclick", " onerror",
    ] {
        assert!(!tags.contains(loads) && !STYLE.contains(loads), "{loads}");
    }
    assert_eq!(page.matches("<link").count(), 1);
    assert!(page.contains("<link rel=\"icon\" href=\"data:,\">"));
    assert!(page.contains("content=\"default-src 'none'; style-src 'sha256-"));
    assert!(!page.contains("unsafe-inline"));
    for word in [
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "fetch(",
        "</",
    ] {
        assert!(!SCRIPT.contains(word), "{word}");
    }
}

#[test]
fn only_https_urls_become_links() {
    let mut sample = sample::mixed();
    for url in [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://evil.example/",
    ] {
        sample.reports[1]
            .remedy
            .as_mut()
            .unwrap()
            .remediation
            .reference = Some(url.to_owned().into());
        assert!(!html(&sample).contains(&format!("href=\"{url}")), "{url}");
    }
}

#[test]
fn the_worst_endpoints_come_first_and_are_kept() {
    let mut sample = sample::mixed();
    let down = sample.reports.last().unwrap().clone();
    sample.reports = std::iter::repeat_n(down, MAX_ENDPOINTS)
        .chain(sample.reports)
        .collect();
    let page = html(&sample);
    assert_eq!(page.matches("<tbody data-verdict").count(), MAX_ENDPOINTS);
    let first = page.split("<tbody data-verdict=\"").nth(1).unwrap();
    assert!(first.starts_with("exposed"), "{}", &first[..40]);
    assert!(
        page.contains("Not shown, as there are too many: 14 "),
        "{}",
        &page[page.len() - 400..]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_text_becomes_markup(text in "[<>&\"'`/=! \\-\\n\\r\u{202e}a]{1,30}|\\PC{1,16}") {
        let (written, plain) = (html(&sample::saying(&text)), html(&sample::saying("x")));
        prop_assert!(!written.chars().any(|c| c != '\n' && hidden(c)));
        prop_assert_eq!(tags(&written), tags(&plain));
    }
}

#[test]
fn a_writer_that_fails_is_an_error() {
    let sample = sample::mixed();
    let error = write(&mut sample::Full, &sample.results(), sample.reports.iter()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

/// The page as a browser has changed it; `None` without a browser.
fn browse(page: &str, fragment: &str) -> Option<String> {
    or_say(browser::browse(saved(page).path(), fragment))
}

fn or_say<T>(seen: Option<T>) -> Option<T> {
    if seen.is_none() {
        skip::without("chromium", "the HTML report in a browser");
    }
    seen
}

fn saved(page: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".html").tempfile().unwrap();
    std::fs::write(file.path(), page).unwrap();
    file
}

/// The first line of each request that a browser sends to its proxy while it shows the page. Requests to the services
/// of its vendor are left out, because it sends them for every page.
fn asked_for(page: &str) -> Option<Vec<String>> {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let network = format!("--proxy-server=http://{}", proxy.local_addr().unwrap());
    proxy.set_nonblocking(true).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut asked = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let Ok((mut connection, _)) = proxy.accept() else {
                    std::thread::sleep(Duration::from_millis(5));
                    continue;
                };
                connection.set_nonblocking(false).unwrap();
                connection
                    .set_read_timeout(Some(Duration::from_secs(1)))
                    .unwrap();
                let mut start = [0; 512];
                let length = connection.read(&mut start).unwrap_or(0);
                let start = String::from_utf8_lossy(&start[..length]).into_owned();
                asked.push(start.lines().next().unwrap_or_default().to_owned());
            }
            asked
        });
        let seen = or_say(browser::chromium(saved(page).path(), "", &network));
        done.store(true, Ordering::Relaxed);
        let mut asked = asked.join().unwrap();
        asked.retain(|line| {
            !line.is_empty() && !line.contains("google") && !line.contains("gvt1.com")
        });
        seen.map(|_| asked)
    })
}

#[test]
fn no_request_leaves_the_page() {
    let image = "<img src=\"http://kubeknock.test/image\">";
    let Some(control) = asked_for(image) else {
        return;
    };
    assert_eq!(
        control,
        ["GET http://kubeknock.test/image HTTP/1.1"],
        "the proxy sees what a page asks for"
    );
    assert_eq!(asked_for(&html(&sample::saying(image))).unwrap(), [""; 0]);
    assert_eq!(asked_for(&html(&sample::mixed())).unwrap(), [""; 0]);
}

/// The verdicts of the visible rows, in order.
fn rows(dom: &str) -> Vec<&str> {
    let rows = dom.split("<tbody data-verdict=\"").skip(1);
    rows.filter(|row| !row.split('>').next().unwrap().contains("hidden"))
        .map(|row| row.split('"').next().unwrap())
        .collect()
}

#[test]
fn filter_and_sort_work_in_a_browser() {
    let page = html(&sample::mixed());
    let Some(all) = browse(&page, "") else { return };
    assert!(all.contains(">14 of 14 endpoints</output>"), "{all}");
    let some = browse(&page, "#filter=STAGE.example&sort=-verdict").unwrap();
    assert!(
        some.contains("aria-sort=\"descending\"") && some.contains(">3 of 14 endpoints</output>")
    );
    assert_eq!(rows(&some), ["unreachable", "unreachable", "forbidden"]);
    assert_eq!(
        rows(&browse(&page, "#verdict=exposed").unwrap()),
        ["exposed"]
    );
    let sorted = browse(&page, "#sort=findings").unwrap();
    assert_eq!(rows(&sorted)[..2], ["exposed", "forbidden"]);
    let sorted = browse(&page, "#sort=verdict").unwrap();
    let rank = |word: &&str| word.parse::<Verdict>().unwrap();
    assert!(
        rows(&sorted).iter().map(rank).is_sorted(),
        "{:?}",
        rows(&sorted)
    );
}

#[test]
fn hostile_text_runs_nothing_in_a_browser() {
    let attack = "</pre></details></script><script>document.title='owned'</script>\"'><img src=x \
                  onerror=\"document.title='owned'\"><link rel=stylesheet href=https://evil.example/>";
    if let Some(dom) = browse(&html(&sample::saying(attack)), "") {
        assert!(
            dom.contains("<title>kubeknock: 1 exposed, 2 forbidden, 1 limited, 1 rejected</title>")
        );
        assert!(!dom.contains("<img") && dom.matches("<link").count() == 1);
    }
}
