//! What `-v` and warnings say: one sentence a line, without levels, times and names of modules. Only the lines of
//! libraries, with `-vv`, have these.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::say;

/// The name of this program and its library, as events have it.
const OURS: &str = "kubeknock";

/// Starts the log. `-v` says what happens to each endpoint, `-vv` also what libraries do. `--quiet` turns it off.
pub(crate) fn start(quiet: bool, verbose: u8) {
    let ours = match verbose {
        _ if quiet => LevelFilter::OFF,
        0 => LevelFilter::WARN,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let libraries = if verbose > 1 && !quiet {
        LevelFilter::DEBUG
    } else {
        LevelFilter::OFF
    };
    let details = tracing_subscriber::fmt::layer()
        .with_writer(|| say::Log)
        .with_ansi(false)
        .with_filter(
            Targets::new()
                .with_default(libraries)
                .with_target(OURS, LevelFilter::OFF),
        );
    tracing_subscriber::registry()
        .with(Sentences.with_filter(Targets::new().with_target(OURS, ours)))
        .with(details)
        .init();
}

/// Writes each event as a sentence.
struct Sentences;

impl<S: Subscriber> Layer<S> for Sentences {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut sentence = Sentence::default();
        event.record(&mut sentence);
        say::reason(sentence);
    }
}

/// `api.example.com: the message (detail)`.
#[derive(Default)]
struct Sentence {
    target: Option<String>,
    message: String,
    details: Vec<String>,
}

impl Visit for Sentence {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => {
                let _ = write!(self.message, "{value:?}");
            }
            "target" => self.target = Some(format!("{value:?}")),
            _ => self.details.push(format!("{value:?}")),
        }
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(target) = &self.target {
            write!(f, "{target}: ")?;
        }
        f.write_str(&self.message)?;
        let details: Vec<&str> = (self.details.iter())
            .map(String::as_str)
            .filter(|detail| !detail.is_empty())
            .collect();
        if !details.is_empty() {
            write!(f, " ({})", details.join(", "))?;
        }
        Ok(())
    }
}
