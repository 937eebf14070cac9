//! No two files need each other: who reads one has to read no other that leads back to it.
//!
//! An edge is a name that a file takes from another, followed through re-exports to the file that
//! defines it. Unit tests and `mod` lines make no edge.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// The path of a module: its crate's name, then the modules down to it.
type Module = Vec<String>;

/// What a module's file says of names.
struct Source {
    path: PathBuf,
    /// Items that are defined in the file.
    items: BTreeSet<String>,
    /// Names that `use` brings in, with the path that each stands for.
    uses: BTreeMap<String, Vec<String>>,
    /// Paths that code and `use` lines name.
    paths: Vec<Vec<String>>,
}

/// The modules of a crate, by their paths.
struct Crate {
    sources: BTreeMap<Module, Source>,
}

impl Crate {
    fn read(name: &str, root: &Path) -> Self {
        let mut found = Self {
            sources: BTreeMap::new(),
        };
        found.add(&[name.to_owned()], root, root.parent().unwrap());
        found
    }

    /// Adds the module in `file`, and those that it declares, which lie in `folder`.
    fn add(&mut self, module: &[String], file: &Path, folder: &Path) {
        let text = fs::read_to_string(file).unwrap();
        let syntax =
            syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut source = Source {
            path: file.to_owned(),
            items: BTreeSet::new(),
            uses: BTreeMap::new(),
            paths: Vec::new(),
        };
        let mut children = Vec::new();
        for item in syntax.items.iter().filter(|item| !for_tests(item)) {
            match item {
                Item::Mod(declared) if declared.content.is_none() => {
                    children.push(declared.ident.to_string());
                }
                Item::Use(item) => each_use(&item.tree, &mut Vec::new(), &mut |name, path| {
                    source.paths.push(path.clone());
                    source.uses.insert(name, path);
                }),
                other => {
                    source.items.extend(defined(other));
                    let mut paths = Paths(Vec::new());
                    paths.visit_item(other);
                    source.paths.extend(paths.0);
                }
            }
        }
        self.sources.insert(module.to_vec(), source);
        for child in children {
            let (flat, nested) = (
                folder.join(format!("{child}.rs")),
                folder.join(&child).join("mod.rs"),
            );
            let file = if flat.exists() { flat } else { nested };
            let mut path = module.to_vec();
            path.push(child.clone());
            if file.exists() {
                self.add(&path, &file, &folder.join(child));
            }
        }
    }

    /// The file that defines what `path` names where it stands in `module`.
    fn definition(&self, module: &Module, path: &[String], depth: usize) -> Option<&Path> {
        if depth > 16 {
            return None;
        }
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => module[..1].to_vec(),
            "self" => module.clone(),
            "super" => module[..module.len() - 1].to_vec(),
            name => {
                rest = path;
                // A bare name: one that `use` brings in, a child, or something of another crate.
                let source = &self.sources[module];
                if let Some(meant) = source.uses.get(name) {
                    let mut whole = meant.clone();
                    whole.extend_from_slice(&path[1..]);
                    return (meant.first().map(String::as_str) != Some(name))
                        .then(|| self.definition(module, &whole, depth + 1))
                        .flatten();
                }
                module.clone()
            }
        };
        while let Some((name, further)) = rest.split_first() {
            if name == "super" {
                at.pop();
                rest = further;
                continue;
            }
            let mut child = at.clone();
            child.push(name.clone());
            let source = self.sources.get(&at)?;
            if self.sources.contains_key(&child) {
                at = child;
                rest = further;
            } else if let Some(meant) = source.uses.get(name) {
                let mut whole = meant.clone();
                whole.extend_from_slice(further);
                return self.definition(&at, &whole, depth + 1);
            } else {
                return source.items.contains(name).then_some(&*source.path);
            }
        }
        None
    }

    /// Which files each file takes names from.
    fn edges(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        let mut edges: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
        for (module, source) in &self.sources {
            let needed = edges.entry(&source.path).or_default();
            for path in &source.paths {
                if let Some(file) = self.definition(module, path, 0)
                    && file != source.path
                {
                    needed.insert(file);
                }
            }
        }
        edges
    }
}

/// What code names by a path of at least two segments.
struct Paths(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 && path.leading_colon.is_none() {
            let segments = path.segments.iter().map(|part| part.ident.to_string());
            self.0.push(segments.collect());
        }
        visit::visit_path(self, path);
    }
}

/// Whether an item is compiled for tests alone.
fn for_tests(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Const(item) => &item.attrs,
        _ => &[],
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .meta
                .require_list()
                .is_ok_and(|list| list.tokens.to_string().contains("test"))
    })
}

/// The names that an item defines in its module.
fn defined(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Macro(item) => item.ident.as_ref()?.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Union(item) => item.ident.to_string(),
        _ => return None,
    })
}

/// Calls `found` with each name that a `use` brings in, and the path behind it.
fn each_use(tree: &UseTree, path: &mut Vec<String>, found: &mut impl FnMut(String, Vec<String>)) {
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            each_use(&part.tree, path, found);
            path.pop();
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                each_use(tree, path, found);
            }
        }
        UseTree::Name(name) if name.ident == "self" => {
            if let Some(last) = path.last() {
                found(last.clone(), path.clone());
            }
        }
        UseTree::Name(name) => {
            let mut whole = path.clone();
            whole.push(name.ident.to_string());
            found(name.ident.to_string(), whole);
        }
        UseTree::Rename(renamed) => {
            let mut whole = path.clone();
            whole.push(renamed.ident.to_string());
            found(renamed.rename.to_string(), whole);
        }
        UseTree::Glob(_) => {}
    }
}

/// The groups of files that lead back to themselves.
fn circles<'a>(edges: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> Vec<BTreeSet<&'a Path>> {
    let reachable = |from: &'a Path| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(file) = open.pop() {
            for next in edges.get(file).into_iter().flatten() {
                if seen.insert(*next) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&Path, BTreeSet<&Path>> =
        edges.keys().map(|file| (*file, reachable(file))).collect();
    let mut groups: Vec<BTreeSet<&Path>> = Vec::new();
    for (file, reached) in &reach {
        if reached.contains(file) && !groups.iter().any(|group| group.contains(file)) {
            let mutual = reached
                .iter()
                .filter(|other| reach.get(*other).is_some_and(|back| back.contains(file)));
            groups.push(mutual.copied().collect());
        }
    }
    groups
}

#[test]
fn no_files_import_each_other() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut said = Vec::new();
    for (name, root) in [
        ("library", src.join("lib.rs")),
        ("program", src.join("bin/kubeknock/main.rs")),
    ] {
        let source = Crate::read(name, &root);
        assert!(source.sources.len() > 20, "{name}");
        let edges = source.edges();
        assert!(
            edges.values().map(BTreeSet::len).sum::<usize>() > 60,
            "{name}"
        );
        for circle in circles(&edges) {
            let mut lines = vec![format!("a circle of {} files:", circle.len())];
            for file in &circle {
                for needed in edges[file].intersection(&circle) {
                    let short =
                        |path: &Path| path.strip_prefix(&src).unwrap().display().to_string();
                    lines.push(format!("  {} → {}", short(file), short(needed)));
                }
            }
            said.push(lines.join("\n"));
        }
    }
    assert!(said.is_empty(), "{}", said.join("\n"));
}

#[test]
fn a_circle_is_found_through_a_re_export() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    let root = write("lib.rs", "mod a; mod b;");
    write("a/mod.rs", "mod leaf; mod top; pub use top::Top;");
    write("a/leaf.rs", "pub struct Leaf(crate::b::B);");
    write("a/top.rs", "use super::leaf::Leaf; pub struct Top(Leaf);");
    write(
        "b.rs",
        "use crate::a::Top; pub struct B(Top); #[cfg(test)] mod tests { use crate::a; }",
    );
    let source = Crate::read("x", &root);
    let edges = source.edges();
    let found = circles(&edges);
    assert_eq!(found.len(), 1, "{edges:?}");
    assert_eq!(found[0].len(), 3, "{found:?}");
}
