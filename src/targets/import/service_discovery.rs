//! Target groups of Prometheus, from a file (`file_sd`, JSON or YAML) or from a service (`http_sd`, JSON).

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::format::ImportFormat;
use super::imported::{Entry, Handler, ImportedLine};
use super::lines::spec;
use super::recognise::is_json;
use super::{documents, yaml};
use crate::host_port::HostPort;
use crate::input::PeekedFile;
use crate::targets::error::Problem;

const EXPECTED: &str = "target groups of Prometheus, each with \"targets\" and perhaps \"labels\"";

#[derive(Deserialize)]
struct Group {
    targets: Vec<String>,
    labels: Option<BTreeMap<String, String>>,
}

pub(super) fn read(
    reader: PeekedFile<impl BufRead>,
    inventory: ImportFormat,
    handle: Handler<'_>,
) -> Result<(), (u32, io::Error)> {
    let head = String::from_utf8_lossy(reader.head());
    // A service answers in JSON only; a page of HTML is no YAML.
    if inventory == ImportFormat::HttpSd || is_json(head.trim_start()) {
        let inventory = inventory.as_str();
        return documents::each(reader, EXPECTED, handle, |line, group, handle| {
            found(line, &group, inventory, handle);
        });
    }
    let Some(documents) = yaml::read::<Vec<Spanned<Group>>>(reader, EXPECTED, handle)? else {
        return Ok(());
    };
    for group in documents.into_iter().flatten() {
        found(yaml::line(&group), &group.value, inventory.as_str(), handle);
    }
    Ok(())
}

fn found(line: u32, group: &Group, inventory: &str, handle: Handler<'_>) {
    let label = |key: &str| {
        let labels = group.labels.as_ref()?;
        labels.get(key).map(String::as_str)
    };
    for target in &group.targets {
        let mut entry = Entry::new(inventory, label("name").or(label("cluster")));
        for (key, value) in group.labels.iter().flatten() {
            // Prometheus drops these too, after it has used them.
            if !key.starts_with("__") {
                entry.label(key, Some(value));
            }
        }
        let text = text(target, label("__scheme__"));
        handle(
            line,
            text.map(|text| {
                entry.line = text;
                ImportedLine::Entry(Box::new(entry))
            }),
        );
    }
}

/// A target as a line of a list. A scheme decides the port where there is none.
fn text(target: &str, scheme: Option<&str>) -> Result<String, Problem> {
    let scheme = scheme.filter(|_| !target.contains("://"));
    match scheme {
        Some("http") => spec(&format!("http://{target}"), None, None),
        Some("https") if HostPort::split(target).is_ok_and(|split| split.port.is_none()) => {
            spec(&format!("https://{target}"), None, None)
        }
        _ => spec(target, None, None),
    }
}
