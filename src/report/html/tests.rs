//! The page as text, and as Chromium shows it.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::super::escape::hidden;
use super::super::sample::{self, Sample};
use super::*;

fn html(sample: &Sample) -> String {
    let mut out = Vec::new();
    write(&mut out, &sample.results(), sample.reports.iter()).unwrap();
    String::from_utf8(out).unwrap()
}

/// The tags with their attributes, in order, without the text between them.
fn tags(page: &str) -> Vec<&str> {
    let body = page.split_once("<body>").unwrap().1.split_once("<script>").unwrap().0;
    body.split('<').skip(1).map(|tag| tag.split_once('>').unwrap().0).collect()
}

#[test]
fn a_page() {
    insta::with_settings!({filters => [("(?s)<style>.*</style>", "[style]"), ("(?s)<script>.*</script>", "[script]"),
        ("'sha256-[^']+'", "[hash]")]}, {
        insta::assert_snapshot!("page", html(&sample::mixed()));
        insta::assert_snapshot!("nothing", html(&sample::empty()));
    });
}

#[test]
fn what_opened_between_two_scans_is_shown() {
    let page = html(&sample::mixed());
    assert!(page.contains("opens</strong> https://192.0.2.17:6443: forbidden → exposed</li>"));
}

#[test]
fn nothing_is_loaded() {
    let page = html(&sample::mixed());
    for loads in [" src=", " href=", "url(", "@import", "<link", "<iframe", " style=", " on"] {
        let tags = tags(&page).join("\n");
        assert!(!tags.contains(loads) && (!STYLE.contains(loads) || loads == " on"), "{loads}");
    }
    assert!(page.contains("content=\"default-src 'none'; style-src 'sha256-"));
    assert!(!page.contains("unsafe-inline"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_escapes_its_place(text in "[<>&\"'`/=! \\-\\n\\r\u{202e}a]{1,30}") {
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

/// What the page has become in a browser; `None` where there is none.
fn browse(page: &str, fragment: &str) -> Option<String> {
    // Whatever name is asked for, there is no such host.
    let (dom, said) = chromium(page, fragment, "--host-resolver-rules=MAP * ~NOTFOUND")?;
    // Errors of the page and violations of its policy are told on the console.
    assert!(!said.contains("CONSOLE"), "{said}");
    assert!(dom.contains("</html>"), "{dom}{said}");
    Some(dom)
}

/// The document and the log of a browser that has opened the page.
fn chromium(page: &str, fragment: &str, network: &str) -> Option<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, page).unwrap();
    let output = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args([network, "--disable-background-networking", "--no-first-run"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}{fragment}", file.display()))
        .output();
    let Ok(output) = output else {
        println!("SKIPPED: no chromium on this machine");
        return None;
    };
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Some((text(&output.stdout), text(&output.stderr)))
}

/// First lines of what a browser asks its proxy for while it shows the page, but for its maker's own
/// services, which it asks for whatever it shows.
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
                connection.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
                let mut start = [0; 512];
                let length = connection.read(&mut start).unwrap_or(0);
                let start = String::from_utf8_lossy(&start[..length]).into_owned();
                asked.push(start.lines().next().unwrap_or_default().to_owned());
            }
            asked
        });
        let seen = chromium(page, "", &network);
        done.store(true, Ordering::Relaxed);
        let mut asked = asked.join().unwrap();
        asked.retain(|line| !line.is_empty() && !line.contains("google") && !line.contains("gvt1.com"));
        seen.map(|_| asked)
    })
}

#[test]
fn no_request_leaves_the_page() {
    let image = "<img src=\"http://kubeknock.test/image\">";
    let Some(control) = asked_for(image) else { return };
    assert_eq!(control, ["GET http://kubeknock.test/image HTTP/1.1"], "the proxy sees what a page asks for");
    assert_eq!(asked_for(&html(&sample::saying(image))).unwrap(), [""; 0]);
    assert_eq!(asked_for(&html(&sample::mixed())).unwrap(), [""; 0]);
}

/// The verdicts of the rows that are seen, in order.
fn rows(dom: &str) -> Vec<&str> {
    let rows = dom.split("<tr data-verdict=\"").skip(1);
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
    assert!(some.contains("aria-sort=\"descending\""));
    assert_eq!(rows(&some).last(), Some(&"forbidden"));
    assert!(rows(&some).len() < rows(&all).len());
    assert_eq!(rows(&browse(&page, "#verdict=exposed").unwrap()), ["exposed"]);
    let sorted = browse(&page, "#sort=verdict").unwrap();
    let rank = |word: &&str| word.parse::<Verdict>().unwrap();
    assert!(rows(&sorted).iter().map(rank).is_sorted(), "{:?}", rows(&sorted));
}

#[test]
fn hostile_text_runs_nothing_in_a_browser() {
    let attack = "</pre></details></script><script>document.title='owned'</script>\"'><img src=x \
                  onerror=\"document.title='owned'\">";
    if let Some(dom) = browse(&html(&sample::saying(attack)), "") {
        assert!(dom.contains("<title>Anonymous access to Kubernetes API servers</title>"));
        assert!(!dom.contains("<img"));
    }
}
