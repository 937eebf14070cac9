//! Which files and roles belong to which server.

use std::path::Path;

use jiff::Timestamp;

use super::against;
use super::authentication::{AuthenticationFile, StartProblem};
use super::authorization::AuthorizationFile;
use super::bindings;
use super::context::Context;
use super::document::File;
use super::evaluator::predict;
use super::flags::Flag;
use super::found::{Found, Note};
use super::inspected::{Input, InspectedServer, Inspection};
use super::place::Place;
use super::recognise;
use super::server::{Server, Statement};
use super::words::Word;
use crate::model::{EndpointReport, Source};

/// What is wrong with a file that flags name.
const FOREIGN: &str =
    "its first document is no AuthenticationConfiguration and no AuthorizationConfiguration";

impl Inspection {
    /// Reads files and predicts. The files are those of one cluster: roles and bindings count for all of its servers.
    pub fn of(inputs: &[Input], time: Timestamp) -> Self {
        let mut found = Found::default();
        for Input { source, text } in inputs {
            recognise::read(File::new(source, text), &mut found);
        }
        inspection(found, time)
    }

    /// Compares the prediction for every server with what a scan found at an endpoint. Files that none of several servers
    /// uses are not compared: they do not say how the endpoint is configured.
    pub fn compare(&mut self, record: &EndpointReport) {
        let has_servers = self.servers.iter().any(|server| !server.is_assumed);
        for server in &mut self.servers {
            if has_servers && server.is_assumed {
                continue;
            }
            server
                .comparisons
                .push(against::compare(&server.prediction, record));
        }
    }
}

/// Gives each server its files, and predicts. A file that no server of the input uses is predicted with the usual flags.
fn inspection(found: Found, time: Timestamp) -> Inspection {
    let Found {
        mut servers,
        authentication,
        authorization,
        rbac,
        policies,
        mut notes,
        unreadable,
        foreign,
        others,
    } = found;
    let mut used = (
        vec![false; authentication.len()],
        vec![false; authorization.len()],
    );
    let empty = notes
        .iter()
        .filter(|note| note.text == recognise::EMPTY_FILE);
    let mistakes = unreadable
        .iter()
        .map(|one| (&one.place, one.problem.as_str()));
    let others_first = foreign.iter().map(|place| (place, FOREIGN));
    let unusable: Vec<(&Place, &str)> = empty
        .map(|note| (&note.place, note.text.as_str()))
        .chain(mistakes)
        .chain(others_first)
        .collect();
    for server in &mut servers {
        server.unusable = unusable_files(server, &unusable);
        if let Some(index) = authentication_of(server, &authentication) {
            used.0[index] = true;
            server.authentication = Some(authentication[index].clone());
        }
        if server.authorization.is_none()
            && let Some(flag) = server.flags.given("authorization-config")
            && let Some(index) = chosen(flag, authorization.iter().map(|file| &file.place))
        {
            used.1[index] = true;
            server.authorization = Some(authorization[index].clone());
        }
    }
    let given = servers.len();
    let assumed = assumed(&authentication, &authorization, &used);
    if given > 0 {
        notes.extend(assumed.iter().map(|server| {
            let text = format!("{}: not used by a server of these files", server.name);
            Note::at(&server.place, text)
        }));
    }
    servers.extend(assumed);
    bindings::notes(&rbac, &mut notes);
    let inspected = (0..).zip(&servers).map(|(index, server)| {
        let (completed, is_completed) = rbac.completed(&server.place);
        let context = Context {
            server,
            authentication: server.authentication.as_ref(),
            authorization: server.authorization.as_ref(),
            rbac: &completed,
            assumes_roles: is_completed,
        };
        InspectedServer {
            name: server.name.clone(),
            place: server.place.clone(),
            release: server.release,
            is_hint: server.is_hint,
            is_assumed: index >= given,
            prediction: predict(context),
            comparisons: Vec::new(),
        }
    });
    Inspection {
        time,
        servers: inspected.collect(),
        bindings: bindings::reports(&rbac),
        policies,
        notes,
        unreadable,
        others,
    }
}

/// The files that the flags of a server name and that cannot be read.
fn unusable_files(server: &Server, files: &[(&Place, &str)]) -> Vec<StartProblem> {
    let flags = ["authentication-config", "authorization-config"];
    let named: Vec<&Flag> = flags
        .iter()
        .filter_map(|name| server.flags.given(name))
        .collect();
    let of_server = files
        .iter()
        .filter(|(place, _)| named.iter().any(|flag| is_file_of(flag, place)));
    let problem = |(place, text): &(&Place, &str)| {
        StartProblem::always(
            place,
            format!("a file that its flags name cannot be read: {text}"),
        )
    };
    of_server.map(problem).collect()
}

/// Whether a place is in a file with the name that a flag has.
fn is_file_of(flag: &Flag, place: &Place) -> bool {
    let wanted = flag
        .value
        .as_deref()
        .and_then(|path| Path::new(path).file_name());
    match &place.source {
        Source::File(path) => wanted.is_some() && Path::new(&**path).file_name() == wanted,
        Source::Argument | Source::Stdin | Source::Url(_) => false,
    }
}

/// The `AuthenticationConfiguration` of a server that has none of its own.
fn authentication_of(server: &Server, files: &[AuthenticationFile]) -> Option<usize> {
    if server.authentication.is_some() {
        return None;
    }
    if let Some(object) = &server.authentication_object {
        return files
            .iter()
            .position(|file| file.holder.as_ref() == Some(object));
    }
    let flag = server.flags.given("authentication-config")?;
    chosen(flag, files.iter().map(|file| &file.place))
}

/// The file that a flag names: the one with the same file name, or the only one.
fn chosen<'a>(flag: &Flag, places: impl Iterator<Item = &'a Place>) -> Option<usize> {
    let places: Vec<&Place> = places.collect();
    let mut named = (0..)
        .zip(&places)
        .filter(|(_, place)| is_file_of(flag, place));
    match (named.next(), named.next()) {
        (Some((index, _)), None) => Some(index),
        _ => (places.len() == 1).then_some(0),
    }
}

/// A server for each file that no server uses.
fn assumed(
    authentication: &[AuthenticationFile],
    authorization: &[AuthorizationFile],
    (used, used_by): &(Vec<bool>, Vec<bool>),
) -> Vec<Server> {
    let free: Vec<&AuthenticationFile> = (authentication.iter().zip(used))
        .filter(|(_, used)| !**used)
        .map(|(file, _)| file)
        .collect();
    let authorizers: Vec<&AuthorizationFile> = (authorization.iter().zip(used_by))
        .filter(|(_, used)| !**used)
        .map(|(file, _)| file)
        .collect();
    let word = |text: &str, place: &Place| Word {
        text: text.to_owned(),
        place: place.clone(),
    };
    let mut servers = Vec::new();
    for file in &free {
        let modes = match authorizers.first() {
            Some(_) => "--authorization-config=it",
            None => "--authorization-mode=Node,RBAC",
        };
        let words = ["--authentication-config=it", modes].map(|text| word(text, &file.place));
        let name = match &file.holder {
            Some(holder) => format!("AuthenticationConfiguration of {holder}"),
            None => "AuthenticationConfiguration".to_owned(),
        };
        let mut server = Server::new(name, &file.place, &words);
        server
            .statements
            .push(Statement::known(match authorizers.first() {
                Some(_) => "predicted for a server with these two files, and other flags as usual",
                None => "predicted for a server with this file and --authorization-mode=Node,RBAC",
            }));
        server.authentication = Some((*file).clone());
        server.authorization = authorizers.first().map(|file| (*file).clone());
        servers.push(server);
    }
    if free.is_empty() {
        for file in &authorizers {
            let words = [word("--authorization-config=it", &file.place)];
            let mut server = Server::new("AuthorizationConfiguration", &file.place, &words);
            let text = "predicted for a server with this file, and other flags as usual";
            server.statements.push(Statement::known(text));
            server.authorization = Some((*file).clone());
            servers.push(server);
        }
    }
    servers
}
