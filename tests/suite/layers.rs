//! The layering, checked: stages meet in the model's nouns, and only `scan` knows their order.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The nouns, the limits, the errors and how files are read: what every stage may use.
const GROUND: [&str; 12] = [
    "kubernetes",
    "model",
    "config",
    "error",
    "input",
    "escape",
    "host_port",
    "natural_order",
    "os_error",
    "random",
    "wording",
    "local_end",
];

/// What a module may use beside itself.
fn allowed(module: &str) -> Vec<&'static str> {
    match module {
        "input" | "escape" | "host_port" | "natural_order" | "os_error" | "random" | "wording" => {
            vec![]
        }
        "kubernetes" => vec!["escape"],
        "model" => vec![
            "kubernetes",
            "escape",
            "host_port",
            "natural_order",
            "wording",
        ],
        "error" | "products" => vec!["kubernetes", "model"],
        "config" => vec!["model", "error", "host_port"],
        "local_end" => vec!["config", "error"],
        "report" => GROUND.into_iter().chain(["record", "audit"]).collect(),
        // A checkpoint keeps finished records as saved reports do.
        "scan" => GROUND
            .into_iter()
            .chain([
                "atomic_file",
                "targets",
                "resolve",
                "connect",
                "probe",
                "identify",
                "assess",
                "record",
                "advise",
            ])
            .collect(),
        "identify" | "advise" => GROUND.into_iter().chain(["products"]).collect(),
        // How to fix what a rule finds is advice.
        "policy" => GROUND.into_iter().chain(["advise"]).collect(),
        // Beside the pipeline: predicts what a scan asks, and makes findings of it.
        "inspect" => GROUND
            .into_iter()
            .chain(["audit", "policy", "probe"])
            .collect(),
        // A stage, a format, the simulator.
        _ => GROUND.to_vec(),
    }
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The library's files with their module, code only: unit tests and the bodies of fuzz
/// targets may bring other stages in.
fn library() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let mut out = Vec::new();
    for path in files {
        let inside = path.strip_prefix(&root).unwrap();
        let first = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        let test_only = ["tests.rs", "fixtures.rs"]
            .iter()
            .any(|name| inside.ends_with(name))
            || inside.components().any(|part| {
                ["tests", "sample", "fuzzing"]
                    .iter()
                    .any(|folder| part.as_os_str() == *folder)
            });
        if module == "bin" || module == "lib" || test_only {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap()
            .to_owned();
        out.push((module, inside.to_owned(), code));
    }
    out
}

/// The modules that a file names as `crate::NAME` or `use crate::{NAME, …}`.
fn named_modules(code: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => group
                .split('}')
                .next()
                .unwrap_or_default()
                .split(',')
                .collect(),
            None => vec![rest],
        };
        for name in names {
            let name: String = name
                .trim()
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            if modules.contains(&name) {
                found.insert(name);
            }
        }
    }
    found
}

#[test]
fn no_stage_knows_another() {
    let files = library();
    let modules: BTreeSet<String> = files.iter().map(|(module, ..)| module.clone()).collect();
    for stage in [
        "targets", "resolve", "connect", "probe", "identify", "assess", "advise", "policy", "scan",
        "report",
    ] {
        assert!(
            modules.contains(stage),
            "{stage} is gone: the pipeline of the design has changed"
        );
    }
    let mut wrong = Vec::new();
    for (module, path, code) in &files {
        for named in named_modules(code, &modules) {
            if named != *module && !allowed(module).contains(&named.as_str()) {
                wrong.push(format!("{} uses crate::{named}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "forbidden edges:\n{}", wrong.join("\n"));
}

/// The fuzz target of the settings file compiles some of the program's modules: those that they use too.
#[test]
fn a_fuzz_target_has_every_module_that_its_modules_use() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = fs::read_to_string(root.join("fuzz/fuzz_targets/settings.rs")).unwrap();
    let paths: Vec<&str> = target
        .lines()
        .filter_map(|line| line.strip_prefix("#[path = \"../../")?.strip_suffix("\"]"))
        .collect();
    let declared: BTreeSet<&str> = target
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    assert!(
        declared.contains("settings_file") && declared.len() == paths.len(),
        "{declared:?}"
    );
    let (mut files, mut all) = (Vec::new(), BTreeSet::new());
    rust_files(&root.join("src/bin/kubeknock"), &mut files);
    for file in &files {
        let inside = file.strip_prefix(root.join("src/bin/kubeknock")).unwrap();
        let first = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy();
        all.insert(first.trim_end_matches(".rs").to_owned());
    }
    for path in paths {
        let path = root.join(path);
        let folder = path.parent().filter(|_| path.ends_with("mod.rs"));
        for file in files
            .iter()
            .filter(|file| **file == path || folder.is_some_and(|folder| file.starts_with(folder)))
        {
            for used in named_modules(&fs::read_to_string(file).unwrap(), &all) {
                assert!(
                    declared.contains(used.as_str()),
                    "fuzz_targets/settings.rs needs `mod {used};`"
                );
            }
        }
    }
}

#[test]
fn the_edge_finder_finds_edges() {
    let modules: BTreeSet<String> = ["probe", "model"].map(str::to_owned).into();
    let found = |code| {
        named_modules(code, &modules)
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(found("use crate::probe::Dial;"), ["probe"]);
    assert_eq!(
        found("use crate::{model, probe::Dial};"),
        ["model", "probe"]
    );
    assert_eq!(found("let x = crate::probe::ALWAYS;"), ["probe"]);
    assert!(found("// crate::probe").is_empty());
}

#[test]
fn the_library_neither_prints_nor_exits() {
    for (_, path, code) in library() {
        for word in [
            "println!",
            "eprintln!",
            "print!(",
            "eprint!(",
            "process::exit",
            "dbg!",
            "todo!",
            "unimplemented!",
        ] {
            let used = code
                .lines()
                .any(|line| line.contains(word) && !line.trim_start().starts_with("//"));
            assert!(!used, "{} uses {word}", path.display());
        }
    }
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let mut lengths = Vec::new();
    for (_, path, code) in library() {
        let lines = code.lines().count();
        assert!(lines <= 400, "{} has {lines} lines", path.display());
        assert!(
            code.starts_with("//!"),
            "{} does not begin with what it is for",
            path.display()
        );
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 120, "the median file has {median} lines");
}

/// Every line on standard error is escaped, and heeds `--quiet`, where all of them come through.
#[test]
fn the_program_has_one_door_to_standard_error() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/kubeknock");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    assert!(files.len() > 20, "{files:?}");
    for path in files.iter().filter(|path| !path.ends_with("say.rs")) {
        let text = fs::read_to_string(path).unwrap();
        assert!(
            !text.contains("eprint"),
            "{} writes to standard error by itself; see say.rs",
            path.display()
        );
    }
}
