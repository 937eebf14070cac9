//! Where a target specification was written.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Where a target specification was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// On the command line.
    Argument,
    /// In this file, as the user named it.
    File(Arc<str>),
    /// In the answer of the service at this URL, which is without its query.
    Url(Arc<str>),
    /// Read from standard input.
    Stdin,
}

impl fmt::Display for Source {
    /// `targets.txt`, `https://inventory.example/targets`, `<stdin>` or `arguments`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument => f.write_str("arguments"),
            Self::File(place) | Self::Url(place) => f.write_str(place),
            Self::Stdin => f.write_str("<stdin>"),
        }
    }
}

/// The text of a specification without its annotations, which follow after white space.
pub(crate) fn without_annotations(specification: &str) -> &str {
    let mut words = specification.split_whitespace();
    words.next().unwrap_or_default()
}

/// The place of one target specification: source, line and the words themselves. Or the place of a statement in a
/// configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Fields", into = "Fields")]
pub struct Origin {
    /// File, standard input or command line.
    pub source: Source,
    /// Line in the file, or position among the arguments; from 1.
    pub line: u32,
    /// The column in characters, from 1, where a configuration says something; `None` for a target, which has its line.
    pub column: Option<u32>,
    /// The specification as written, with those of its annotations that say which targets are meant
    /// (`ports=`, `sni=`) and without `name=` and `expect=`. In a configuration, the
    /// name of what it says something about.
    pub text: Arc<str>,
}

impl Origin {
    /// Whether it is a statement of a configuration file, and no target.
    pub const fn is_in_configuration(&self) -> bool {
        self.column.is_some()
    }
}

impl fmt::Display for Origin {
    /// `targets.txt:12`, `<stdin>:3`, `argument 1` or, in a configuration, `kube-apiserver.yaml:12:7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, self.column) {
            (Source::Argument, _) => write!(f, "argument {}", self.line),
            (source, Some(column)) => write!(f, "{source}:{}:{column}", self.line),
            (source, None) => write!(f, "{source}:{}", self.line),
        }
    }
}

/// An [`Origin`] as records have it. Where a target specification was written.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Origin"))]
struct Fields {
    /// On the command line, in a file, in the answer of a service, or on standard input.
    source: SourceWord,
    /// The file as the user named it, or the URL of the service; null for the other sources.
    file: Option<Arc<str>>,
    /// Line in the file or on standard input, or position among the arguments; from 1.
    #[cfg_attr(test, schemars(range(min = 1)))]
    line: u32,
    /// The specification as written, without `name=` and `expect=`.
    text: Arc<str>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
enum SourceWord {
    Argument,
    File,
    Url,
    Stdin,
}

impl From<Origin> for Fields {
    fn from(origin: Origin) -> Self {
        let (source, file) = match origin.source {
            Source::Argument => (SourceWord::Argument, None),
            Source::File(path) => (SourceWord::File, Some(path)),
            Source::Url(url) => (SourceWord::Url, Some(url)),
            Source::Stdin => (SourceWord::Stdin, None),
        };
        // Records are about targets, which have no column.
        let Origin { line, text, .. } = origin;
        Self {
            source,
            file,
            line,
            text,
        }
    }
}

impl From<Fields> for Origin {
    fn from(fields: Fields) -> Self {
        let Fields {
            source,
            file,
            line,
            text,
        } = fields;
        let source = match source {
            SourceWord::Argument => Source::Argument,
            SourceWord::File => Source::File(file.unwrap_or_default()),
            SourceWord::Url => Source::Url(file.unwrap_or_default()),
            SourceWord::Stdin => Source::Stdin,
        };
        Self {
            source,
            line,
            column: None,
            text,
        }
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Origin {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Fields::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Fields::json_schema(generator)
    }
}
