//! The pages for people and for Kubernetes.

use super::Exporter;
use crate::support::start;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_is_probed() {
    let hostile = start("control-characters").await;
    let exposed = start("exposed").await;
    let folder = tempfile::tempdir().unwrap();
    let targets = [
        format!("{} name=<script>alert(1)</script>", hostile.address()),
        format!("{} name=open", exposed.address()),
        "192.0.2.1:6443 name=later".to_owned(),
    ];
    let targets = targets.each_ref().map(String::as_str);
    let exporter = Exporter::start(folder.path(), &targets);
    exporter.probe("open");
    exporter.probe("%3Cscript%3Ealert(1)%3C/script%3E");
    let page = exporter.get("/");
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'"),
        "{}",
        page.head
    );
    assert!(!page.body.contains("<script"), "{}", page.body);
    assert!(!page.body.contains('\u{1b}'));
    let at = |text: &str| {
        page.body
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {}", page.body))
    };
    assert!(at("<td class=\"exposed\">exposed</td>") < at("not probed yet"));
    at("&lt;script&gt;");
    assert_eq!(
        exporter.own("targets_by_last_verdict{verdict=\"exposed\"}"),
        1
    );
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            (exporter.get(path).status, &*exporter.get(path).body),
            (200, "ok\n")
        );
    }
    assert_eq!(exporter.get("/favicon.ico").status, 404);
}
