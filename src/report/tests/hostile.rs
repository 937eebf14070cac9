//! Text from outside in the syntax of the programs that read the formats: none of it has an effect.

use pulldown_cmark::{Event, Parser, Tag};

use super::super::escape::hidden;
use super::super::spreadsheet::has_formula;
use super::super::{Format, sample};

/// A text, the formats in whose readers it has an effect, and whether it has one in a file of such a format.
type Case = (&'static str, &'static [Format], fn(&str) -> bool);

const CASES: [Case; 22] = [
    // Any format can be printed to the log of a CI server.
    ("::error::owned", &Format::ALL, is_github_command),
    ("x\n::error::owned", &Format::ALL, is_github_command),
    ("x\r::error::owned", &Format::ALL, is_github_command),
    ("##[error]owned", &Format::ALL, |file| file.contains("##[")),
    ("x ###[group]owned", &Format::ALL, |file| {
        file.contains("##[")
    }),
    (
        "##vso[task.setvariable variable=owned]x",
        &Format::ALL,
        |file| file.contains("##vso["),
    ),
    (
        "##teamcity[buildProblem description='owned']",
        &Format::ALL,
        |file| file.contains("##teamcity["),
    ),
    (
        "section_start:1700000000:owned[collapsed=true]\r\u{1b}[0K",
        &Format::ALL,
        is_hidden,
    ),
    (
        "\u{1b}]8;;https://evil.example\u{7}owned",
        &Format::ALL,
        is_hidden,
    ),
    ("\u{9b}31mowned \u{202e}denwo", &Format::ALL, is_hidden),
    // Attachments of GitLab and Jenkins.
    ("[[ATTACHMENT|owned.png]]", &[Format::Junit], |file| {
        file.contains("[[ATTACHMENT")
    }),
    ("[[[ATTACHMENT|owned.png]]", &[Format::Junit], |file| {
        file.contains("[[ATTACHMENT")
    }),
    ("]]><failure/>", &[Format::Junit], |file| {
        file.contains("]]>") || file.contains("<failure/>")
    }),
    (
        "<script>owned</script>",
        &[Format::Html, Format::Junit],
        |file| file.contains("<script>owned"),
    ),
    (
        "@owned [owned](https://evil.example) ![owned](https://evil.example/x)",
        &[Format::Markdown],
        |file| without_blocks(file).contains("@owned") || is_markup(file),
    ),
    (
        "https://evil.example www.evil.example",
        &[Format::Markdown],
        |file| {
            let file = without_blocks(file);
            file.contains("://evil") || file.contains("www.evil")
        },
    ),
    (
        "x\n# owned\n<img src=x> <script>owned</script>",
        &[Format::Markdown],
        is_markup,
    ),
    // Placeholders and links of SARIF.
    (
        "{0} [owned](https://evil.example)",
        &[Format::Sarif],
        |file| messages(file).any(|text| text.contains(" {0} ") || text.contains(" [owned](")),
    ),
    ("=HYPERLINK(\"https://evil.example\")", &SHEETS, has_formula),
    ("x;@SUM(1)", &SHEETS, has_formula),
    ("\t=1+1", &SHEETS, has_formula),
    ("owned\"} 1\nowned 1", &[Format::Prometheus], |file| {
        file.lines().any(|line| line.starts_with("owned")) || file.contains("=\"owned\"}")
    }),
];

const SHEETS: [Format; 2] = [Format::Csv, Format::Shadowserver];

#[test]
fn text_from_outside_has_no_effect_in_any_format() {
    for (text, formats, has_effect) in CASES {
        let sample = sample::saying(text);
        for format in formats {
            let file = sample::rendered(*format, &sample);
            assert!(!has_effect(&file), "{text:?} in {format}:\n{file}");
        }
    }
}

/// Otherwise the table would test nothing.
#[test]
fn the_texts_have_an_effect_as_they_are() {
    for (text, _, has_effect) in CASES {
        let file = format!("\"{{\"message\":{{\"text\":\"is {text} \"}}}}\n");
        let log = serde_json::json!({"message": {"text": format!("is {text} ")}}).to_string();
        let label = format!("x{{a=\"{text}\"}}");
        let is_shown = [text, &file, &log, &label].into_iter().any(has_effect);
        assert!(is_shown, "{text:?}");
    }
}

/// GitHub reads a line that begins with `::` and a word, after white space.
fn is_github_command(file: &str) -> bool {
    let mut lines = file.split(['\n', '\r']);
    lines.any(|line| line.trim_start().starts_with("::error::owned"))
}

fn is_hidden(file: &str) -> bool {
    file.replace("\r\n", "\n")
        .chars()
        .any(|c| c != '\n' && hidden(c))
}

fn is_markup(file: &str) -> bool {
    let mut in_heading = false;
    Parser::new(file).any(|event| match event {
        Event::Start(Tag::Heading { .. }) => {
            in_heading = true;
            false
        }
        Event::End(_) => {
            in_heading = false;
            false
        }
        Event::Start(Tag::Image { .. }) => true,
        Event::Start(Tag::Link { dest_url, .. }) => dest_url.contains("evil.example"),
        Event::Html(text) | Event::InlineHtml(text) => {
            text.contains("<img") || text.contains("<script")
        }
        Event::Text(text) => in_heading && text.trim() == "owned",
        _ => false,
    })
}

/// Markdown without its code blocks, in which GitHub makes no links and mentions.
fn without_blocks(file: &str) -> String {
    let mut out = String::new();
    let mut end = 0;
    for (event, range) in Parser::new(file).into_offset_iter() {
        if let Event::Start(Tag::CodeBlock(_)) = event {
            out.push_str(&file[end..range.start]);
            end = range.end;
        }
    }
    out + &file[end..]
}

/// The texts that SARIF reads as messages.
fn messages(file: &str) -> impl Iterator<Item = String> {
    let mut left: Vec<serde_json::Value> = serde_json::from_str(file).into_iter().collect();
    let mut out = Vec::new();
    while let Some(value) = left.pop() {
        if let Some(text) = value["message"]["text"].as_str() {
            out.push(text.to_owned());
        }
        match value {
            serde_json::Value::Array(values) => left.extend(values),
            serde_json::Value::Object(values) => {
                left.extend(values.into_iter().map(|(_, value)| value));
            }
            _ => {}
        }
    }
    out.into_iter()
}
