//! `FORMAT[=PATH]`: what an output is, and where it goes.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;

use anyhow::bail;
use clap::ValueEnum;

use super::sink::Sink;

/// Splits `FORMAT[=PATH]`.
pub(super) fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((word, path)) => (word, Some(path)),
        None => (text, None),
    }
}

/// All `-o`, with a `--format`: the format of every `-o` that is only a path, or else one more output.
pub(super) fn with_format(
    output: &[String],
    format: Option<&str>,
    is_format: impl Fn(&str) -> bool,
) -> Vec<String> {
    let Some(format) = format else {
        return output.to_vec();
    };
    if output.iter().all(|text| is_format(text)) {
        return output.iter().cloned().chain([format.to_owned()]).collect();
    }
    let whole = |text: &String| {
        if is_format(text) {
            text.clone()
        } else {
            format!("{format}={text}")
        }
    };
    output.iter().map(whole).collect()
}

/// Opens the destination of a format.
pub(super) fn open(path: Option<&str>, format: &str, extension: &str) -> anyhow::Result<Sink> {
    Ok(match path {
        None | Some("-") => Sink::stdout(),
        Some("") => bail!("-o: the path is missing; write {format}=report.{extension}"),
        Some(path) => Sink::open(Path::new(path))?,
    })
}

/// Fails if two outputs have the same destination.
pub(super) fn check_distinct<'a>(sinks: impl Iterator<Item = &'a Sink>) -> anyhow::Result<()> {
    let mut files = HashSet::new();
    let mut on_stdout = 0;
    for sink in sinks {
        on_stdout += usize::from(sink.is_stdout());
        if on_stdout > 1 {
            bail!(
                "-o: only one report can go to standard output; give the others a path: json=report.json"
            );
        }
        if sink.replaced_file().is_some_and(|file| !files.insert(file)) {
            bail!(
                "-o: two reports would go to {}; give each its own path",
                sink.name()
            );
        }
    }
    Ok(())
}

/// The outputs of a command with few formats, opened before it begins.
pub(crate) struct Choices<F>(Vec<(F, Sink)>);

impl<F: ValueEnum> Choices<F> {
    /// Opens every `-o`. The default is the first format, on standard output.
    pub(crate) fn open(output: &[String], format: Option<&str>) -> anyhow::Result<Self> {
        let named = |text: &str| F::from_str(split(text).0, false).ok();
        let mut all = Vec::new();
        for text in with_format(output, format, |text| named(text).is_some()) {
            let Some(format) = named(&text) else {
                let words = names::<F>();
                bail!(
                    "-o: invalid format: expected FORMAT or FORMAT=PATH, where FORMAT is one of {}",
                    words.join(", ")
                );
            };
            let name = name(&format);
            let sink = open(split(&text).1, &name, extension(&name))?;
            all.push((format, sink));
        }
        if let (true, Some(first)) = (all.is_empty(), F::value_variants().first()) {
            all.push((first.clone(), Sink::stdout()));
        }
        check_distinct(all.iter().map(|(_, sink)| sink))?;
        Ok(Self(all))
    }

    /// Writes all outputs. `render` also gets whether the output is standard output.
    pub(crate) fn write(
        self,
        mut render: impl FnMut(&F, bool, &mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        for (format, mut sink) in self.0 {
            let on_stdout = sink.is_stdout();
            let written = render(&format, on_stdout, sink.writer());
            sink.check(written).and_then(|()| sink.close())?;
        }
        Ok(())
    }
}

/// The words of all formats.
pub(crate) fn names<F: ValueEnum>() -> Vec<String> {
    F::value_variants().iter().map(name).collect()
}

fn name<F: ValueEnum>(format: &F) -> String {
    let value = format.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// The usual extension of a file of this format.
fn extension(format: &str) -> &str {
    match format {
        "json" | "jsonl" => format,
        "markdown" => "md",
        _ => "txt",
    }
}
