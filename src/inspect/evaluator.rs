//! Predicts what an API server answers to anonymous callers, from its flags, its two configuration files and the roles.

use super::authentication::{FileAnonymous, StartProblem};
use super::authorization::{Authorizer, AuthorizerKind};
use super::context::Context;
use super::flags::{Flag, Switch};
use super::insecure_port;
use super::prediction::{PathPrediction, PredictedAccess, Prediction};
use super::rbac::Decision;
use super::server::{Statement, WithoutAnonymous};
use super::start;
use super::verdict::verdicts;
use crate::probe::{AFTER_401, ALWAYS, deep};

/// Who is anonymous.
enum Anonymous {
    Off(Statement),
    On(Statement),
    Paths(Vec<String>, Statement),
    Unclear(Statement),
}

/// The authorizers.
enum Chain {
    Known(Vec<Authorizer>, Statement),
    Unclear(Statement),
}

/// Predicts.
pub(super) fn predict(context: Context<'_>) -> Prediction {
    let server = context.server;
    let problems = start::problems(context);
    let (certain, possible): (Vec<&StartProblem>, Vec<&StartProblem>) = problems
        .iter()
        .filter(|problem| problem.concerns(server.release) != Some(false))
        .partition(|problem| problem.concerns(server.release) == Some(true));
    let say = |problem: &&StartProblem| Statement::at(&problem.place, problem.text.clone());
    let mut prediction = Prediction {
        without_deep: None,
        verdict: None,
        paths: Vec::new(),
        start_problems: certain.iter().map(say).collect(),
        statements: server.statements.clone(),
        is_lower_bound: false,
        allows_everything: false,
    };
    if let Some(unclear) = &server.flags.unclear {
        prediction.start_problems.clear();
        let statement = Statement::at(&unclear.place, unclear.problem.clone());
        same_everywhere(&mut prediction, PredictedAccess::Unclear, &statement);
        return prediction;
    }
    if !certain.is_empty() {
        return prediction;
    }
    prediction.statements.extend(possible.iter().map(|problem| {
        let text = format!(
            "with some releases the server does not start: {}",
            problem.text
        );
        Statement::at(&problem.place, text)
    }));
    prediction
        .statements
        .extend(start::gates_not_checked(server));
    if let Some((access, statement)) = insecure_port::access(server) {
        same_everywhere(&mut prediction, access, &statement);
        return prediction;
    }
    let chain = chain(context);
    let anonymous = anonymous(context, &chain);
    prediction.statements.push(anonymous.statement().clone());
    if !matches!(anonymous, Anonymous::Off(_)) {
        if chain.statement() != anonymous.statement() {
            prediction.statements.push(chain.statement().clone());
        }
        if context.assumes_roles && chain.asks_rbac() {
            prediction.statements.push(Statement::known(
                "the input is no dump of a cluster, so the binding of a new one is assumed",
            ));
        }
    }
    let decide = |path, is_asked| path_prediction(context, &anonymous, &chain, path, is_asked);
    prediction.paths = usual_paths().map(|path| decide(path, true)).collect();
    let others = anonymous.other_paths(&prediction.paths);
    prediction
        .paths
        .extend(others.into_iter().map(|path| decide(path, false)));
    (prediction.without_deep, prediction.verdict) = verdicts(&prediction.paths);
    prediction.is_lower_bound = !matches!(anonymous, Anonymous::Off(_)) && chain.may_open_more();
    let is_open = !matches!(anonymous, Anonymous::Off(_) | Anonymous::Paths(..));
    prediction.allows_everything = is_open && chain.allows_everything();
    prediction
}

fn same_everywhere(prediction: &mut Prediction, access: PredictedAccess, statement: &Statement) {
    prediction.statements.push(statement.clone());
    prediction.paths = usual_paths()
        .map(|path| PathPrediction {
            path,
            access,
            because: statement.clone(),
            is_asked: true,
        })
        .collect();
    (prediction.without_deep, prediction.verdict) = verdicts(&prediction.paths);
    prediction.allows_everything = access == PredictedAccess::Granted;
}

fn anonymous(context: Context<'_>, chain: &Chain) -> Anonymous {
    let server = context.server;
    match context.authentication.map(|file| &file.anonymous) {
        Some(FileAnonymous::Off(place)) => {
            return Anonymous::Off(Statement::at(
                place,
                "anonymous.enabled is not true: anonymous requests are refused",
            ));
        }
        Some(FileAnonymous::On(place)) => {
            return Anonymous::On(Statement::at(
                place,
                "anonymous.enabled is true: anonymous requests are accepted",
            ));
        }
        Some(FileAnonymous::Paths(paths, place)) => {
            let text = "anonymous requests are accepted on the paths of anonymous.conditions only";
            return Anonymous::Paths(paths.clone(), Statement::at(place, text));
        }
        Some(FileAnonymous::Absent) | None => {}
    }
    let flag = server.flags.last("anonymous-auth");
    let is_by_flag = flag.map(Flag::switch);
    if let (Some(flag), Some(Switch::Off)) = (flag, is_by_flag) {
        let text = "--anonymous-auth is false: anonymous requests are refused";
        return Anonymous::Off(Statement::at(&flag.place, text));
    }
    if let Some(incomplete) = server.incomplete.as_ref().filter(|_| flag.is_none()) {
        return Anonymous::Unclear(Statement::at(&server.place, incomplete.clone()));
    }
    if let Some(without) = server.without_anonymous.filter(|_| flag.is_none())
        && let Some(file) = context.authentication
    {
        return match without {
            WithoutAnonymous::Off(text) => Anonymous::Off(Statement::at(&file.place, text)),
            WithoutAnonymous::Unclear(text) => Anonymous::Unclear(Statement::at(&file.place, text)),
        };
    }
    // With `anonymous` in the file the server would not start beside the flag, so then the flag decides.
    if flag.is_none()
        && context.authentication.is_none()
        && let Some(file) = server.flags.given("authentication-config")
    {
        let text = "the file of --authentication-config decides about anonymous requests, and it is not given";
        return Anonymous::Unclear(Statement::at(&file.place, text));
    }
    if let (Some(flag), Some(Switch::Variable)) = (flag, is_by_flag) {
        let text = "--anonymous-auth has a variable as its value";
        return Anonymous::Unclear(Statement::at(&flag.place, text));
    }
    // With this mode the server takes the flag's anonymous access back.
    if chain.resets_the_flag() {
        let statement = chain.statement();
        return Anonymous::Off(Statement {
            place: statement.place.clone(),
            text: "--authorization-mode has AlwaysAllow, so the server turns --anonymous-auth off"
                .to_owned(),
        });
    }
    Anonymous::On(flag.map_or_else(
        || Statement::known("nothing turns anonymous requests off, so they are accepted"),
        |flag| {
            Statement::at(
                &flag.place,
                "--anonymous-auth is true: anonymous requests are accepted",
            )
        },
    ))
}

impl Anonymous {
    const fn statement(&self) -> &Statement {
        let (Self::Off(statement)
        | Self::On(statement)
        | Self::Paths(_, statement)
        | Self::Unclear(statement)) = self;
        statement
    }

    /// The paths of the conditions that are not among these.
    fn other_paths(&self, paths: &[PathPrediction]) -> Vec<String> {
        let Self::Paths(named, _) = self else {
            return Vec::new();
        };
        let mut others: Vec<String> = Vec::new();
        for path in named.iter().filter(|path| path.starts_with('/')) {
            let is_known = paths.iter().any(|known| known.path == *path);
            if !is_known && !others.contains(path) {
                others.push(path.clone());
            }
        }
        others
    }
}

fn chain(context: Context<'_>) -> Chain {
    let server = context.server;
    if let Some(file) = context.authorization {
        let words: Vec<&str> = file
            .authorizers
            .iter()
            .map(|one| one.word.as_str())
            .collect();
        let text = format!("the authorizers are {}", words.join(", "));
        return Chain::Known(file.authorizers.clone(), Statement::at(&file.place, text));
    }
    if let Some(file) = server.flags.given("authorization-config") {
        let text =
            "the file of --authorization-config decides who may do what, and it is not given";
        return Chain::Unclear(Statement::at(&file.place, text));
    }
    let modes: Vec<&Flag> = server.flags.named("authorization-mode").collect();
    if modes.is_empty()
        && let Some(incomplete) = &server.incomplete
    {
        return Chain::Unclear(Statement::at(&server.place, incomplete.clone()));
    }
    if let Some(flag) = modes.iter().find(|flag| flag.is_variable()) {
        let text = "--authorization-mode has a variable as its value";
        return Chain::Unclear(Statement::at(&flag.place, text));
    }
    let authorizers: Vec<Authorizer> = modes.iter().flat_map(|flag| modes_of(flag)).collect();
    let Some(first) = modes.first().filter(|_| !authorizers.is_empty()) else {
        let always_allow = Authorizer {
            word: "AlwaysAllow".to_owned(),
            kind: AuthorizerKind::AlwaysAllow,
            place: server.place.clone(),
        };
        let text = "without --authorization-mode the mode is AlwaysAllow";
        return Chain::Known(vec![always_allow], Statement::known(text));
    };
    let words: Vec<&str> = authorizers.iter().map(|one| one.word.as_str()).collect();
    let text = format!("the modes of --authorization-mode are {}", words.join(", "));
    Chain::Known(authorizers, Statement::at(&first.place, text))
}

/// The authorizers that one `--authorization-mode` adds.
pub(super) fn modes_of(flag: &Flag) -> Vec<Authorizer> {
    let authorizer = |word: &str| {
        Some(Authorizer {
            word: word.to_owned(),
            kind: AuthorizerKind::of_word(word)?,
            place: flag.place.clone(),
        })
    };
    let words = flag.csv().unwrap_or_default();
    words.iter().filter_map(|word| authorizer(word)).collect()
}

impl Chain {
    const fn statement(&self) -> &Statement {
        let (Self::Known(_, statement) | Self::Unclear(statement)) = self;
        statement
    }

    fn has(&self, wanted: AuthorizerKind) -> bool {
        matches!(self, Self::Known(all, _) if all.iter().any(|one| one.kind == wanted))
    }

    /// Whether the flag's modes allow everything. Those of a file do not count here.
    fn resets_the_flag(&self) -> bool {
        let is_of_flag = |statement: &Statement| !statement.text.starts_with("the authorizers");
        self.has(AuthorizerKind::AlwaysAllow) && is_of_flag(self.statement())
    }

    fn allows_everything(&self) -> bool {
        self.has(AuthorizerKind::AlwaysAllow) && !self.may_open_more()
    }

    fn asks_rbac(&self) -> bool {
        self.has(AuthorizerKind::Rbac)
    }

    /// Whether something decides that the configuration does not show, before an authorizer that allows everything.
    fn may_open_more(&self) -> bool {
        let Self::Known(all, _) = self else {
            return true;
        };
        let mut before = all
            .iter()
            .take_while(|one| one.kind != AuthorizerKind::AlwaysAllow);
        before.any(|one| matches!(one.kind, AuthorizerKind::Webhook | AuthorizerKind::Abac))
    }
}

/// The paths that a scan with `--deep` asks.
fn usual_paths() -> impl Iterator<Item = String> {
    let usual = ALWAYS.into_iter().chain(AFTER_401).map(str::to_owned);
    let deep = deep().map(|request| request.bare_path().to_owned());
    let mut seen = std::collections::BTreeSet::new();
    usual
        .chain(deep)
        .filter(move |path| seen.insert(path.clone()))
}

fn path_prediction(
    context: Context<'_>,
    anonymous: &Anonymous,
    chain: &Chain,
    path: String,
    is_asked: bool,
) -> PathPrediction {
    let (access, because) = match anonymous {
        Anonymous::Off(why) => (PredictedAccess::Rejected, why.clone()),
        Anonymous::Unclear(why) => (PredictedAccess::Unclear, why.clone()),
        Anonymous::Paths(open, why) if !open.contains(&path) => {
            (PredictedAccess::Rejected, why.clone())
        }
        Anonymous::On(_) | Anonymous::Paths(..) => authorized(context, chain, &path),
    };
    PathPrediction {
        path,
        access,
        because,
        is_asked,
    }
}

fn authorized(context: Context<'_>, chain: &Chain, path: &str) -> (PredictedAccess, Statement) {
    let Chain::Known(authorizers, modes) = chain else {
        return (PredictedAccess::Unclear, chain.statement().clone());
    };
    let mut unknown = None;
    for authorizer in authorizers {
        match authorizer.kind {
            AuthorizerKind::AlwaysAllow => {
                let why = Statement::at(&authorizer.place, "AlwaysAllow allows everything");
                return (PredictedAccess::Granted, why);
            }
            AuthorizerKind::Rbac => match context.rbac.decide(path) {
                Decision::Granted(binding) => {
                    let is_assumed = context.assumes_roles && binding.place == context.server.place;
                    let place = (!is_assumed).then(|| binding.place.clone());
                    let why = Statement {
                        place,
                        text: format!("{} grants it", binding.described()),
                    };
                    return (PredictedAccess::Granted, why);
                }
                Decision::Unknown(binding, gap) => {
                    let why = Statement::at(&binding.place, binding.gap_described(gap));
                    unknown.get_or_insert(why);
                }
                Decision::Refused => {}
            },
            AuthorizerKind::Webhook | AuthorizerKind::Abac => {
                let text = format!(
                    "{} decides it, and what it decides is not in the configuration",
                    authorizer.word
                );
                let why = Statement::at(&authorizer.place, text);
                return (PredictedAccess::Unclear, why);
            }
            AuthorizerKind::NoOpinion => {}
        }
    }
    if let Some(why) = unknown {
        return (PredictedAccess::Unclear, why);
    }
    let text = "no authorizer allows it".to_owned();
    let place = modes.place.clone();
    (PredictedAccess::Forbidden, Statement { place, text })
}
