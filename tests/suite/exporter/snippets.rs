//! `docs/continuous.md`: its snippets work.

use std::fs;
use std::path::Path;

use super::Exporter;
use super::prometheus::promtool;
use super::web::certify;

/// The blocks of the page with this language, without their fences.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_snippets_of_the_page_work() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/continuous.md");
    let page = fs::read_to_string(page).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [list] = &blocks(&page, "text")[..] else {
        panic!("one list")
    };
    let [settings] = &blocks(&page, "toml")[..] else {
        panic!("one settings file")
    };
    let [web] = &blocks(&page, "yaml")[..] else {
        panic!("one web configuration")
    };
    let consoles = blocks(&page, "console");
    let commands: Vec<Vec<&str>> = (consoles.iter().flat_map(|console| console.lines()))
        .filter_map(|line| line.strip_prefix("$ kubeknock exporter "))
        .map(|command| command.split(' ').collect())
        .collect();
    assert_eq!(consoles.len(), commands.len(), "each is run");
    fs::write(folder.join("clusters.txt"), list).unwrap();
    fs::write(folder.join("kubeknock.toml"), settings).unwrap();
    fs::write(folder.join("web.yml"), web).unwrap();
    certify(folder, "server");
    // It is spelled as the exporters of Prometheus spell it.
    promtool(folder, &["check", "web-config", "web.yml"]);
    for command in commands {
        let exporter = Exporter::start(folder, &command);
        let names = exporter.get("/sd").body;
        assert!(
            names.contains("\"prod\"") && names.contains("\"lab\""),
            "{names}"
        );
        let both = [&command[..], &["--web.config.file", "web.yml"]].concat();
        drop(exporter);
        let exporter = Exporter::start(folder, &both);
        let mut stream = exporter.send("GET", "/sd", "");
        let mut text = Vec::new();
        let _ = std::io::Read::read_to_end(&mut stream, &mut text);
        assert!(!text.starts_with(b"HTTP"), "it speaks TLS");
    }
}
