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
#[path = "../../../tests/suite/devtools.rs"]
mod devtools;

use devtools::Browser;

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
        "<section", "<tbody", "<tr", "<details", "<h3", "<div", "<li", "<footer", "<script",
        "</tbody>",
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
    assert!(page.contains("opens</strong> prod-eu-3 (192.0.2.17:6443): forbidden → exposed"));
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

/// The endpoints of the data, each with its texts.
fn endpoints(page: &str) -> Vec<Vec<String>> {
    let data = page.split("id=\"data\">").nth(1).unwrap();
    let data: serde_json::Value =
        serde_json::from_str(data.split("</script>").next().unwrap()).unwrap();
    let text = |number: &serde_json::Value| {
        let number = usize::try_from(number.as_u64()?).unwrap();
        Some(data["strings"][number].as_str().unwrap().to_owned())
    };
    let rows = data["endpoints"].as_array().unwrap().iter();
    rows.map(|row| row.as_array().unwrap().iter().filter_map(text).collect())
        .collect()
}

#[test]
fn the_worst_endpoints_come_first_and_are_kept() {
    let mut sample = sample::mixed();
    let down = sample.reports.last().unwrap().clone();
    sample.reports = std::iter::repeat_n(down, MAX_ENDPOINTS)
        .chain(sample.reports)
        .collect();
    let page = html(&sample);
    let endpoints = endpoints(&page);
    assert_eq!(endpoints.len(), MAX_ENDPOINTS);
    assert_eq!(
        endpoints[0][..3],
        ["exposed", "192.0.2.17:6443", "prod-eu-3"]
    );
    assert!(page.contains("Not listed, as there are too many: 14 "));
}

#[test]
fn an_estate_of_any_size() {
    for size in [1, 14, 276, 5000] {
        let sample = sample::estate(size);
        let page = html(&sample);
        assert!(page.len() < 8_000_000, "{size}: {}", page.len());
        let name = format!("onprem-fra-{}", size / 2 + 1);
        // The list and its filter, then the findings: in this order, and near the top.
        let (_, body) = page.split_once("<body>").unwrap();
        let parts = [
            &*format!("exit 1: 1 exposed: {name}"),
            "id=\"filter\"",
            "id=\"list\"",
            &format!(
                "<noscript><p>The list of all endpoints needs JavaScript. These are the worst:</p><ul class=\"rows\"><li class=\"row line\"><span><span class=\"badge v-exposed\">exposed</span></span><span class=\"target\"><strong>{name}</strong>"
            ),
            "id=\"findings\"",
            "anonymous-resources-exposed",
            "id=\"coverage\"",
            "id=\"providers\"",
            "id=\"data\"",
        ];
        let places = parts.map(|part| body.find(part).unwrap_or_else(|| panic!("{part}")));
        assert!(places.is_sorted(), "{places:?}");
        assert!(places[1] < 2_000, "{places:?}");
        assert_eq!(endpoints(&page).len(), size);
    }
    let page = html(&sample::estate(276));
    assert!(
        page.matches("<details class=\"fold\"").count() < 12,
        "folded by rule"
    );
    assert!(page.contains("<strong>anonymous-auth-enabled × 96</strong>"));
    assert!(
        page.contains("nothing is served under this path"),
        "a granted 404 is explained"
    );
    let page = html(&sample::outage(276));
    assert!(page.contains("267 of 270 targets silent: is the network up?"));
    assert!(!page.contains("gone: "), "no list of targets that are gone");
}

#[test]
fn no_text_ends_the_data() {
    let text = "</script><script>document.title='owned'</script><!--<script>&amp;";
    let page = html(&sample::saying(text));
    let data = page.split("id=\"data\">").nth(1).unwrap();
    let (data, rest) = data.split_once("</script>").unwrap();
    assert!(!data.contains('<') && !data.contains('>') && !data.contains('&'));
    assert!(
        rest.starts_with("\n<script>\"use strict\";"),
        "{}",
        &rest[..40]
    );
    assert!(endpoints(&page).iter().all(|row| row[2] == text));
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

/// The verdicts of the drawn rows, in order.
fn rows(dom: &str) -> Vec<&str> {
    let (_, list) = dom.split_once("id=\"list\"").unwrap();
    let list = list.split("</section>").next().unwrap();
    let rows = list.split("<summary class=\"line\">").skip(1);
    rows.map(|row| {
        row.split("</span>")
            .next()
            .unwrap()
            .rsplit('>')
            .next()
            .unwrap()
    })
    .collect()
}

#[test]
fn filter_sort_and_group_work_in_a_browser() {
    let page = html(&sample::mixed());
    let Some(all) = browse(&page, "") else { return };
    assert!(all.contains(">14 of 14 endpoints</output>"), "{all}");
    let some = browse(&page, "#filter=STAGE.example&sort=-verdict").unwrap();
    assert!(some.contains(">3 of 14 endpoints</output>"), "{some}");
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
    let grouped = browse(&page, "#group=provider&unfold=1").unwrap();
    assert!(
        grouped.contains("<summary>EKS: 1 forbidden</summary>"),
        "{grouped}"
    );
    let grouped = browse(&page, "#group=label:env").unwrap();
    for group in ["stage: 1 forbidden", "without env: "] {
        let summary = format!("<summary>{group}");
        assert!(grouped.contains(&summary), "{grouped}");
    }
    let filtered = browse(&page, "#filter=env%3Dstage").unwrap();
    assert!(filtered.contains(">1 of 14 endpoints<"), "{filtered}");
    let grouped = browse(&page, "#group=name").unwrap();
    assert!(
        grouped.contains("<summary>prod-eu-3: 1 exposed</summary>"),
        "{grouped}"
    );
    let grouped = browse(&page, "#group=start").unwrap();
    assert!(
        grouped.contains("<summary>prod-eu: 1 exposed</summary>"),
        "{grouped}"
    );
    let grouped = browse(&page, "#group=provider&unfold=1").unwrap();
    // The evidence is drawn when a row is unfolded.
    assert!(grouped.contains("CN=kube-apiserver") && !all.contains("<dt>certificate</dt>"));
}

/// A browser, or a notice that there is none.
fn browser() -> Option<Browser> {
    or_say(Browser::start())
}

#[test]
fn no_width_needs_sideways_scrolling_and_the_console_is_silent() {
    let Some(mut browser) = browser() else { return };
    for sample in [sample::mixed(), sample::estate(276), sample::hostile()] {
        let file = saved(&html(&sample));
        for width in [360, 768, 1440] {
            browser.open(file.path(), width, "light");
            browser.evaluate("document.getElementById('fold').click()");
            let wider = "(() => {
                const wide = [...document.querySelectorAll('body *')]
                    .filter((one) => !one.closest('.scroll') && one.getBoundingClientRect().right > innerWidth + 1);
                return [document.documentElement.scrollWidth, innerWidth,
                    wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 200)).join('\\n')];
            })()";
            let seen = browser.evaluate(wider);
            assert!(
                seen[0].as_u64() <= Some(u64::from(width)),
                "{width}: {seen}"
            );
            assert_eq!(seen[1], width, "the browser has this width");
            assert_eq!(browser.console, [""; 0]);
        }
    }
}

#[test]
fn the_filter_is_on_the_first_screen() {
    let Some(mut browser) = browser() else { return };
    let mut sample = sample::estate(276);
    let names = "onprem-fra-139 (10.20.0.139:6443), onprem-fra-140 (10.20.0.140:6443)";
    sample.sentence = format!(
        "exit 1: 2 exposed: {names}; 1 critical finding: etcd-open at etcd-1 (10.20.0.9:2379)"
    );
    let file = saved(&html(&sample));
    for (width, height) in [(360, 640), (768, 640), (1440, 400)] {
        browser.open(file.path(), width, "light");
        let bottom =
            browser.evaluate("document.getElementById('filter').getBoundingClientRect().bottom");
        assert!(
            bottom.as_f64() < Some(f64::from(height)),
            "{width}: {bottom}"
        );
        // Nothing but the heading and the outcome is above the list.
        let above = browser.evaluate(
            "document.querySelector('main').firstElementChild.querySelector('#list') !== null",
        );
        assert_eq!(above, true);
    }
}

#[test]
fn the_copy_button_copies_the_command() {
    let Some(mut browser) = browser() else { return };
    let file = saved(&html(&sample::mixed()));
    browser.open(file.path(), 1440, "light");
    browser.allow_clipboard();
    let click = "(async () => {
        const button = document.querySelector('.fold[open] .copy');
        const command = button.previousElementSibling.textContent;
        getSelection().removeAllRanges();
        button.click();
        for (let wait = 0; wait < 200 && button.textContent === 'Copy'; wait++) {
            await new Promise((done) => setTimeout(done, 20));
        }
        const copied = navigator.clipboard && await navigator.clipboard.readText();
        return [button.textContent, command, copied ?? getSelection().toString()];
    })()";
    let seen = browser.evaluate(click);
    let command = "kubectl mend --all | grep 'a*'\nset:\n  open: false";
    assert_eq!(seen, serde_json::json!(["Copied", command, command]));
    // Without a clipboard, the command is selected.
    let again = "(async () => {
        Object.defineProperty(navigator, 'clipboard', { value: undefined });
        await new Promise((done) => setTimeout(done, 1600));
    })()";
    browser.evaluate(again);
    let seen = browser.evaluate(click);
    assert_eq!(seen, serde_json::json!(["Selected", command, command]));
}

#[test]
fn of_five_thousand_endpoints_only_those_in_view_are_drawn() {
    let Some(mut browser) = browser() else { return };
    let file = saved(&html(&sample::estate(5000)));
    browser.open(file.path(), 1440, "light");
    let drawn = browser.evaluate("document.querySelectorAll('#list li').length");
    assert!(drawn.as_u64() < Some(500), "{drawn} rows are drawn");
    let filtered = browser.evaluate(
        "(() => {
            const filter = document.getElementById('filter');
            filter.value = 'onprem-fra-2501';
            filter.dispatchEvent(new Event('input'));
            return document.getElementById('count').textContent;
        })()",
    );
    assert_eq!(filtered, "1 of 5000 endpoints");
    // Far below, rows are drawn when they come into view.
    let last = browser.evaluate(
        "(async () => {
            const filter = document.getElementById('filter');
            filter.value = '';
            filter.dispatchEvent(new Event('input'));
            const block = [...document.querySelectorAll('#list ul')].at(-1);
            const before = block.childElementCount;
            block.scrollIntoView();
            for (let wait = 0; wait < 200 && !block.childElementCount; wait++) {
                await new Promise((done) => setTimeout(done, 20));
            }
            return [before, block.childElementCount];
        })()",
    );
    assert_eq!(last, serde_json::json!([0, 50]));
}

/// The source of axe-core; `None` where npm cannot install it.
fn axe() -> Option<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe");
    let file = folder.join("node_modules/axe-core/axe.min.js");
    if !file.exists() {
        let mut npm = std::process::Command::new("npm");
        npm.args([
            "install",
            "--no-save",
            "--no-audit",
            "--no-fund",
            "--silent",
            "--prefix",
        ]);
        npm.arg(&folder).arg("axe-core@4.14.1").output().ok()?;
    }
    std::fs::read_to_string(file).ok()
}

#[test]
fn axe_finds_no_violation_in_light_and_dark() {
    let Some(mut browser) = browser() else { return };
    let Some(axe) = axe() else {
        return skip::skipped("axe-core on the HTML report: npm cannot install it here");
    };
    for sample in [sample::mixed(), sample::estate(276)] {
        let file = saved(&html(&sample));
        for (width, scheme) in [
            (1440, "light"),
            (1440, "dark"),
            (360, "light"),
            (360, "dark"),
        ] {
            browser.open(file.path(), width, scheme);
            browser.evaluate(
                "document.querySelectorAll('details').forEach((one) => { one.open = true; })",
            );
            browser.evaluate(&format!("{axe}; 0"));
            let found = browser.evaluate(
                "axe.run().then(({ violations }) => violations.map(({ id, nodes }) =>
                    `${id}: ${nodes.length} × ${nodes[0].html} ${nodes[0].failureSummary}`))",
            );
            assert_eq!(found, serde_json::json!([]), "{width} {scheme}");
        }
    }
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
