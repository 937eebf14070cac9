//! How to fix something: a list of steps, and commands with a button that copies them.

use maud::{Markup, html};

use super::parts::{link, shown};
use crate::model::{Remediation, Step};

pub(super) fn remediation(remediation: &Remediation) -> Markup {
    let steps = &remediation.steps;
    html! {
        p { (shown(&remediation.summary)) }
        @if !steps.is_empty() { ol { @for step in steps { li { (self::step(step)) } } } }
        @for (title, text) in remediation.notes() { p { strong { (title) ": " } (shown(text)) } }
        @if let Some(url) = &remediation.reference { p { (link(url)) } }
    }
}

fn step(Step { text, command }: &Step) -> Markup {
    html! {
        (shown(text))
        @if let Some(command) = command { (self::command(command)) }
    }
}

/// A command as a block. The button is hidden without the script.
pub(super) fn command(command: &str) -> Markup {
    let lines: Vec<String> = command.lines().map(shown).collect();
    html! {
        div.command {
            pre { code { (lines.join("\n")) } }
            button.copy type="button" { "Copy" }
        }
    }
}
