use proptest::prelude::*;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag};

use super::super::escape::escape;
use super::super::sample::{self, Sample};
use super::text::link;
use super::*;
use crate::model::Remediation;

fn text(sample: &Sample) -> String {
    sample::written(|out| write(out, &sample.results(), sample.reports.iter()))
}

#[test]
fn the_page() {
    insta::assert_snapshot!(text(&sample::mixed()));
    assert!(text(&sample::empty()).contains("No findings."));
    assert!(text(&sample::stopped()).contains("**Stopped early**"));
    let mut one = sample::empty();
    one.summary.coverage.targets = 1;
    assert!(
        text(&one).contains("\n1 target: 256 unreachable.\n"),
        "singular"
    );
}

#[test]
fn an_estate_of_any_size() {
    for size in [1, 14, 276] {
        insta::assert_snapshot!(format!("estate-{size}"), text(&sample::estate(size)));
    }
    insta::assert_snapshot!("outage", text(&sample::outage(276)));
}

#[test]
fn the_exposed_endpoint_is_named_at_the_top() {
    for size in [1, 14, 276, 5000] {
        let page = text(&sample::estate(size));
        let top: String = page.chars().take(1000).collect();
        let name = format!("onprem-fra-{}", size / 2 + 1);
        assert!(
            top.contains(&format!("- **exposed** <code>{name} ")),
            "{top}"
        );
        assert!(page.chars().count() < 65_536, "{}", page.chars().count());
        // Each part is there at every size.
        let parts = [
            "### What to do",
            "How to fix it",
            "### Findings",
            "<summary>Endpoints",
        ];
        let places = parts.map(|part| page.find(part).unwrap());
        assert!(places.is_sorted(), "{places:?}");
        assert!(page.ends_with("\n</details>\n"));
    }
    let page = text(&sample::estate(5000));
    assert!(page.chars().count() > 55_000, "{}", page.chars().count());
    assert!(page.contains("| anonymous-auth-enabled × "), "folded");
}

#[test]
fn every_name_of_the_gate_is_whole() {
    let mut sample = sample::mixed();
    let name = "prod-very-long-cluster-name-of-sixty-characters-in-frankfurt";
    let part = |what: &str| {
        format!("{what}: {name}-1 [10.0.0.1:6443], {name}-2 [10.0.0.2:6443], {name}-3 and 2 more")
    };
    let parts = [
        "exit 1: 5 exposed",
        "1 critical finding",
        "7 of 22 named targets not covered",
    ];
    sample.sentence = parts.map(part).join("; ");
    let (seen, _) = read(&text(&sample));
    for what in parts {
        assert!(seen.contains(&part(what)), "{seen}");
    }
}

#[test]
fn rows_that_do_not_fit_are_counted() {
    let mut sample = sample::mixed();
    let one = |number: usize| Finding {
        message: "x".repeat(400),
        remediation: Remediation {
            summary: format!("Fix {number}. {}", "y".repeat(1000)).into(),
            ..Remediation::default()
        },
        ..sample.findings[0].clone()
    };
    sample.findings = (0..5000).map(one).collect();
    let page = text(&sample);
    assert!(page.chars().count() < 65_536, "{}", page.len());
    for part in [
        "### What to do",
        "### Findings",
        "### Changes",
        "<summary>Endpoints",
    ] {
        let (_, part) = page.split_once(part).unwrap();
        assert!(
            part.contains("… and ") || part.contains("exposed"),
            "{part}"
        );
    }
    assert!(page.contains("| exposed | <code>prod-eu-3 "), "{page}");
}

/// A command from a saved report cannot leave its block.
#[test]
fn nothing_ends_the_block_of_a_command() {
    for (command, fence) in [("a", "```"), ("```\n# x", "````"), ("a ````` b", "``````")] {
        let mut sample = sample::mixed();
        for finding in &mut sample.findings {
            finding.remediation.steps[..]
                .iter_mut()
                .for_each(|step| step.command = Some(command.into()));
        }
        let page = text(&sample);
        let lines = || {
            page.lines()
                .map(str::trim)
                .filter(|line| line.starts_with("```"))
        };
        assert!(lines().any(|line| line == fence), "{page}");
        assert_eq!(
            lines().filter(|line| *line == fence).count() % 2,
            0,
            "{page}"
        );
    }
}

#[test]
fn each_remedy_is_written_once_in_full_with_its_targets() {
    let mut sample = sample::mixed();
    for finding in &mut sample.findings {
        finding.remediation = Remediation {
            reference: Some("https://docs.example/page".into()),
            ..sample::remediation()
        };
    }
    let page = text(&sample);
    let (_, remedies) = page.split_once("How to fix it</summary>\n\n").unwrap();
    let (remedies, _) = remedies.split_once("\n\n</details>").unwrap();
    assert!(
        remedies.starts_with(
            "- **resources-exposed, expectation-unmet, anonymous-enabled, version-disclosed, health-open** at \
             <code>prod-eu-3</code>, <code>gone.example</code>, <code>stage.example:6443</code>, <code>lab</code>:\n"
        ),
        "{remedies}"
    );
    let (_, steps) = remedies.split_once('\n').unwrap();
    assert_eq!(
        steps,
        "  Mend it &#38; restart.\n  1. Mend it.\n     ```\n     kubectl mend --all | grep 'a*'\n     set:\n       \
         open: false\n     ```\n  2. Restart it.\n\n  **Breaks:** Probes of &#60;it&#62; fail.\n\n  **Undo:** Set it \
         as it was.\n\n  <https://docs.example/page>\n\n  See it yourself:\n  ```\n  curl -q \
         --noproxy '*' -k -g --http1.1 --path-as-is -i https://192.0.2.17:6443/version\n  ```"
    );
    let (_, short) = page.split_once("### What to do\n\n").unwrap();
    assert!(
        short.starts_with("- Mend it &#38; restart. <code>prod-eu-3</code>, "),
        "{short}"
    );
}

/// Fixes of one product differ in their steps, and say the same in short.
#[test]
fn what_to_do_says_each_sentence_once() {
    let mut sample = sample::mixed();
    for (number, finding) in sample.findings.iter_mut().enumerate() {
        finding.remediation = Remediation {
            reference: Some(format!("https://docs.example/{number}").into()),
            ..sample::remediation()
        };
    }
    let page = text(&sample);
    let (_, short) = page.split_once("### What to do\n\n").unwrap();
    let (short, whole) = short.split_once("<details>").unwrap();
    assert_eq!(short.matches("Mend it").count(), 1, "{short}");
    assert!(
        short.contains("prod-eu-3") && short.contains("lab"),
        "{short}"
    );
    assert!(whole.contains("docs.example/0>") && whole.contains("docs.example/1>"));
}

#[test]
fn only_https_urls_become_links() {
    for url in [
        "javascript:alert(1)",
        "http://a.example/",
        "https://a.example/>x",
        "https://a.example/ b",
        "https://a.example/|",
    ] {
        assert!(
            !link(url).starts_with('<') || link(url).starts_with("<code>"),
            "{url}"
        );
    }
    assert_eq!(link("https://a.example/x#y"), "<https://a.example/x#y>");
}

#[test]
fn changes_leave_room_for_the_findings() {
    let mut sample = sample::mixed();
    let change = sample.changes.as_ref().unwrap()[0].clone();
    sample.changes = Some(vec![change; 2000]);
    let page = text(&sample);
    assert!(page.contains("… and 1900 more"), "{page}");
    let rule = sample.findings[0].rule.id;
    assert!(page.contains(&format!("| {rule} |")), "{page}");
}

/// The text that a reader of the rendered page sees, and whether text from outside became markup.
fn read(page: &str) -> (String, bool) {
    let (mut seen, mut acts) = (String::new(), false);
    for event in Parser::new_ext(page, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(text) => seen.push_str(&text),
            // Only a block with a fence and without a language is ours.
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                acts |= !language.is_empty();
            }
            Event::Start(
                Tag::Link { .. }
                | Tag::Image { .. }
                | Tag::CodeBlock(_)
                | Tag::Strikethrough
                | Tag::BlockQuote(_)
                | Tag::Heading {
                    level: HeadingLevel::H1,
                    ..
                },
            )
            | Event::Rule => acts = true,
            Event::Html(html) | Event::InlineHtml(html) => {
                let ours = ["<code>", "</code>", "<details>", "</details>"];
                acts |= !ours.contains(&html.trim()) && !html.starts_with("<details><summary>");
            }
            _ => {}
        }
    }
    (seen, acts)
}

#[test]
fn hostile_text_is_literal() {
    for hostile in [
        "[a](https://evil.example/)",
        "<script>alert(1)</script>",
        "| a | b |\n|---|---|",
        "`x` ``` **b** ~~s~~ <!-- -->",
        "@team #1 :tada: www.evil.example https://evil.example/ $x$",
        "</code></details><img src=x>",
        "&lt;b&gt; \\| \\",
        "---",
        "- a",
        "12. a",
        "     a",
    ] {
        let page = text(&sample::saying(hostile));
        let (seen, acts) = read(&page);
        assert!(!acts, "{hostile}: {page}");
        assert!(
            seen.contains(escape(hostile, 300).trim()),
            "{hostile}: {seen}"
        );
        // In a block nothing has a meaning.
        let mut outside = true;
        for line in page.lines() {
            if line.trim_start().starts_with("```") {
                outside = !outside;
            } else if outside {
                assert!(
                    !line.contains("://evil") && !line.contains("www.evil") && !line.contains('@'),
                    "{line}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_shown_literally(hostile in "[\\[\\]()<>!|`*_~#&;\\\\:/.@a1 \\n-]{1,16}|\\PC{1,16}") {
        let (seen, acts) = read(&text(&sample::saying(&hostile)));
        prop_assert!(!acts);
        prop_assert!(seen.contains(escape(&hostile, 300).trim()), "{seen}");
    }
}
