//! With which flags and files a server does not start: measured on real servers, see `tests/suite/real/inspect.rs`.

use super::authentication::{FileAnonymous, Releases, StartProblem};
use super::authorization::AuthorizerKind;
use super::context::Context;
use super::flags::{Flag, Flags, Switch};
use super::server::{Server, Statement};
use crate::kubernetes::Minor;

/// The feature gate of `anonymous` in the file.
const GATE: &str = "AnonymousAuthConfigurableEndpoints";

/// Everything with which the server does not start.
pub(super) fn problems(context: Context<'_>) -> Vec<StartProblem> {
    let flags = &context.server.flags;
    let mut problems = Vec::new();
    if let Some(bad) = &flags.bad {
        problems.push(StartProblem::always(&bad.place, bad.problem.clone()));
    }
    let invalid = flags
        .named("anonymous-auth")
        .filter(|flag| flag.switch() == Switch::Invalid);
    problems.extend(invalid.map(|flag| {
        let text = "--anonymous-auth is neither true nor false as the server spells them";
        StartProblem::always(&flag.place, text)
    }));
    problems.extend(flags.misspelt().map(|flag| {
        let text = format!("unknown flag --{}", flag.name);
        StartProblem::always(&flag.place, text)
    }));
    problems.extend(ends_at_once(flags));
    problems.extend(context.server.unusable.iter().cloned());
    authentication(context, &mut problems);
    authorization(context, &mut problems);
    gates(flags, &mut problems);
    insecure(flags, &mut problems);
    problems
}

const fn minor(minor: u16) -> Minor {
    Minor { major: 1, minor }
}

/// The flags with which the program prints something and ends.
fn ends_at_once(flags: &Flags) -> Vec<StartProblem> {
    let mut problems = Vec::new();
    for (name, printed) in [("help", "its usage"), ("version", "its version")] {
        // `--version=raw` prints all of it, and `--version=v1.37.2-mine` renames the release and goes on.
        let is_raw = |flag: &Flag| name == "version" && flag.has("raw");
        let is_name = |flag: &Flag| {
            let value = flag.value.as_deref().unwrap_or_default();
            name == "version" && value.starts_with('v')
        };
        let is_invalid =
            |flag: &&Flag| flag.switch() == Switch::Invalid && !is_raw(flag) && !is_name(flag);
        let prints = |flag: &&Flag| flag.switch() == Switch::On || is_raw(flag);
        let (flag, text) = if let Some(flag) = flags.named(name).find(is_invalid) {
            (
                flag,
                format!("--{name} has a value that the server cannot read"),
            )
        } else if let Some(flag) = flags.last(name).filter(prints) {
            (
                flag,
                format!("with --{name} the program prints {printed} and ends"),
            )
        } else {
            continue;
        };
        problems.push(StartProblem::always(&flag.place, text));
    }
    problems
}

fn authentication(context: Context<'_>, problems: &mut Vec<StartProblem>) {
    let flags = &context.server.flags;
    open_id_connect(context, problems);
    let Some(file) = context.authentication else {
        return;
    };
    problems.extend(file.problems.iter().cloned());
    let (FileAnonymous::Off(place) | FileAnonymous::On(place) | FileAnonymous::Paths(_, place)) =
        &file.anonymous
    else {
        return;
    };
    if let Some(flag) = flags.last("anonymous-auth") {
        let text = "--anonymous-auth beside anonymous in the file of --authentication-config";
        problems.push(StartProblem::always(&flag.place, text));
    }
    let is_on = flags
        .named("feature-gates")
        .flat_map(Flag::list)
        .any(|gate| gate == format!("{GATE}=true"));
    let (text, first) = if is_on {
        (
            "the field anonymous needs Kubernetes 1.31 or newer",
            minor(31),
        )
    } else {
        (
            "the field anonymous needs Kubernetes 1.32 or newer, or 1.31 with a feature gate",
            minor(32),
        )
    };
    problems.push(StartProblem::in_releases(
        place,
        text,
        Releases::Before(first),
    ));
}

/// The flags of `OpenID` Connect: an empty one counts as given here.
fn open_id_connect(context: Context<'_>, problems: &mut Vec<StartProblem>) {
    let flags = &context.server.flags;
    let Some(first) = flags.beginning("oidc-") else {
        return;
    };
    if context.authentication.is_some() || flags.given("authentication-config").is_some() {
        let text = "a flag of OpenID Connect beside --authentication-config";
        problems.push(StartProblem::always(&first.place, text));
        return;
    }
    let (url, client) = (
        flags.given("oidc-issuer-url"),
        flags.given("oidc-client-id"),
    );
    match (url, client) {
        (Some(url), Some(_)) => {
            let is_https = |url: &str| url.starts_with("https://");
            if !url.is_variable() && !url.value.as_deref().is_some_and(is_https) {
                let text = "--oidc-issuer-url does not begin with https://";
                problems.push(StartProblem::always(&url.place, text));
            }
        }
        (None, None) => {
            let text = "a flag of OpenID Connect without --oidc-issuer-url and --oidc-client-id";
            problems.push(StartProblem::in_releases(
                &first.place,
                text,
                Releases::From(minor(30)),
            ));
        }
        (Some(one), None) | (None, Some(one)) => {
            let text = "--oidc-issuer-url and --oidc-client-id belong together, and one of them is missing or empty";
            problems.push(StartProblem::always(&one.place, text));
        }
    }
}

fn authorization(context: Context<'_>, problems: &mut Vec<StartProblem>) {
    let flags = &context.server.flags;
    if let Some(file) = context.authorization {
        problems.extend(file.problems.iter().cloned());
    }
    if flags.given("authorization-config").is_some() {
        // Beside the file, an empty flag counts as given.
        let mode = flags.last("authorization-mode");
        if let Some(flag) = mode.or_else(|| flags.beginning("authorization-webhook-")) {
            let text = "--authorization-config beside a flag of the authorizers that it replaces";
            problems.push(StartProblem::always(&flag.place, text));
        }
        return;
    }
    let mut seen: Vec<&String> = Vec::new();
    let modes = flags
        .named("authorization-mode")
        .filter(|flag| !flag.is_variable());
    let mut words: Vec<(&Flag, String)> = Vec::new();
    for flag in modes {
        match flag.csv() {
            Some(modes) => words.extend(modes.into_iter().map(|word| (flag, word))),
            None => problems.push(StartProblem::always(
                &flag.place,
                "a list with a quote that does not enclose a whole value",
            )),
        }
    }
    for (flag, word) in &words {
        if seen.contains(&word) {
            problems.push(StartProblem::always(
                &flag.place,
                "an authorization mode twice",
            ));
        }
        seen.push(word);
        let needed = match AuthorizerKind::of_word(word) {
            None => {
                let text = "an authorization mode that the server does not know; case, spaces and a comma too many count";
                problems.push(StartProblem::always(&flag.place, text));
                continue;
            }
            Some(AuthorizerKind::Webhook) => "authorization-webhook-config-file",
            Some(AuthorizerKind::Abac) => "authorization-policy-file",
            Some(_) => continue,
        };
        if flags.given(needed).is_none() {
            let text = format!("an authorization mode without its --{needed}");
            problems.push(StartProblem::always(&flag.place, text));
        }
    }
    for (name, mode) in [
        ("authorization-webhook-config-file", "Webhook"),
        ("authorization-policy-file", "ABAC"),
    ] {
        let is_variable = flags.named("authorization-mode").any(Flag::is_variable);
        if let Some(flag) = flags
            .given(name)
            .filter(|_| !seen.iter().any(|word| *word == mode) && !is_variable)
        {
            let text = format!("--{name} without the mode {mode}");
            problems.push(StartProblem::always(&flag.place, text));
        }
    }
}

/// That feature gates are not compared with those that a release has.
pub(super) fn gates_not_checked(server: &Server) -> Option<Statement> {
    let is_other = |gate: &str| gate.split('=').next() != Some(GATE);
    let mut flags = server.flags.named("feature-gates");
    let flag = flags.find(|flag| flag.list().any(is_other))?;
    let text = "the names of feature gates are not checked: with one that the release does not have, the server does not start";
    Some(Statement::at(&flag.place, text))
}

fn gates(flags: &Flags, problems: &mut Vec<StartProblem>) {
    for flag in flags.named("feature-gates") {
        for gate in flag
            .list()
            .filter(|gate| gate.split('=').next() == Some(GATE))
        {
            let (text, first) = if gate.ends_with("=true") {
                ("a feature gate that 1.37 no longer has", minor(37))
            } else {
                (
                    "a feature gate that cannot be turned off from 1.34 on",
                    minor(34),
                )
            };
            problems.push(StartProblem::in_releases(
                &flag.place,
                text,
                Releases::From(first),
            ));
        }
    }
}

/// The flags of the insecure port: without effect from 1.20 on, unknown from 1.24 on.
fn insecure(flags: &Flags, problems: &mut Vec<StartProblem>) {
    for name in ["insecure-port", "insecure-bind-address", "address"] {
        for flag in flags.named(name) {
            let is_zero = flag.has("0");
            let (text, first) = if name == "insecure-port" && !is_zero {
                (
                    "--insecure-port can only be 0 from 1.20 on, and is gone from 1.24 on",
                    minor(20),
                )
            } else {
                (
                    "a flag of the insecure port, which is gone from 1.24 on",
                    minor(24),
                )
            };
            problems.push(StartProblem::in_releases(
                &flag.place,
                text,
                Releases::From(first),
            ));
        }
    }
}
