//! The table as it is written. A key that is not known is an error: a misspelt one would be a fact lost.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Expected, ExpectedAnswer, Public};
use crate::model::{Minor, Provenance, Specificity, Text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) product: Vec<FileProduct>,
    pub(super) sources: HashMap<String, FileSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileProduct {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) short: String,
    pub(super) managed: bool,
    #[serde(default)]
    pub(super) based_on: Vec<String>,
    #[serde(default)]
    pub(super) version: Vec<FileFact>,
    #[serde(default)]
    pub(super) host: Vec<FileFact>,
    #[serde(default)]
    pub(super) issuer: Vec<FileFact>,
    #[serde(default)]
    pub(super) subject: Vec<FileFact>,
    #[serde(default)]
    pub(super) san: Vec<FileFact>,
    #[serde(default)]
    pub(super) client_ca: Vec<FileFact>,
    #[serde(default)]
    pub(super) transport_security: Vec<FileFact>,
    #[serde(default)]
    pub(super) answer: Vec<FileFact>,
    #[serde(default)]
    pub(super) expected: Vec<FileExpected>,
    pub(super) unknown: Option<String>,
    pub(super) changeable: Option<bool>,
    pub(super) change: Option<String>,
    pub(super) url: Option<String>,
    pub(super) network_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileFact {
    pub(super) like: String,
    pub(super) names: FileSpecificity,
    pub(super) known: FileKnown,
    pub(super) source: Option<String>,
    #[expect(dead_code, reason = "for whoever reads the table")]
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileExpected {
    from: Option<String>,
    to: Option<String>,
    answers: Vec<FileAnswer>,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileAnswer {
    verdict: String,
    #[serde(default)]
    open: Vec<Public>,
    known: FileKnown,
    source: Option<String>,
    mode: Option<String>,
    #[serde(default)]
    undecided: bool,
    #[serde(default)]
    concluded: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSource {
    title: String,
    url: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileSpecificity {
    Unique,
    Family,
    Weak,
}

impl From<FileSpecificity> for Specificity {
    fn from(word: FileSpecificity) -> Self {
        match word {
            FileSpecificity::Unique => Self::Unique,
            FileSpecificity::Family => Self::Family,
            FileSpecificity::Weak => Self::Weak,
        }
    }
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileKnown {
    Documented,
    Observed,
    Inferred,
}

impl From<FileKnown> for Provenance {
    fn from(word: FileKnown) -> Self {
        match word {
            FileKnown::Documented => Self::Documented,
            FileKnown::Observed => Self::Observed,
            FileKnown::Inferred => Self::Inferred,
        }
    }
}

impl FileExpected {
    pub(super) fn mean(self, sources: &HashMap<String, FileSource>) -> Result<Expected, String> {
        let minor = |text: Option<String>| {
            text.map(|text| text.parse::<Minor>().map_err(|error| error.to_string()))
                .transpose()
        };
        let answers = self.answers.into_iter().map(|answer| {
            Ok(ExpectedAnswer {
                verdict: answer
                    .verdict
                    .parse()
                    .map_err(|error| format!("expected: {error}"))?,
                open: answer.open,
                known: answer.known.into(),
                source: source(sources, answer.source.as_deref())?,
                mode: answer.mode,
                undecided: answer.undecided,
                concluded: answer.concluded,
            })
        });
        let answers = answers.collect::<Result<_, String>>()?;
        Ok(Expected {
            from: minor(self.from)?,
            to: minor(self.to)?,
            answers,
            note: self.note,
        })
    }
}

/// A source in words: its title, and its address where one was kept.
pub(super) fn source(
    sources: &HashMap<String, FileSource>,
    id: Option<&str>,
) -> Result<Text, String> {
    let Some(id) = id else {
        return Ok("general product knowledge".into());
    };
    let source = sources
        .get(id)
        .ok_or_else(|| format!("the source {id} is not listed"))?;
    Ok(match &source.url {
        Some(url) => format!("{} ({url})", source.title).into(),
        None => source.title.clone().into(),
    })
}
