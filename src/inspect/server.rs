//! What a configuration says about an API server, before it is evaluated.

use super::authentication::{AuthenticationFile, StartProblem};
use super::authorization::AuthorizationFile;
use super::flags::Flags;
use super::place::Place;
use super::words::Word;
use crate::kubernetes::Minor;

/// A statement about a server, with its place if the configuration itself says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Where it is said; `None` for what a program does on its own.
    pub place: Option<Place>,
    /// What follows from it.
    pub text: String,
}

impl Statement {
    pub(super) fn at(place: &Place, text: impl Into<String>) -> Self {
        Self {
            place: Some(place.clone()),
            text: text.into(),
        }
    }

    pub(super) fn known(text: impl Into<String>) -> Self {
        Self {
            place: None,
            text: text.into(),
        }
    }
}

/// The configuration of an API server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// `pod kube-system/kube-apiserver-cp-1`: what people know it by.
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) flags: Flags,
    pub(super) release: Option<Minor>,
    /// The files that belong to it and to no other.
    pub(super) authentication: Option<AuthenticationFile>,
    pub(super) authorization: Option<AuthorizationFile>,
    /// Files that its flags name and that no server can read.
    pub(super) unusable: Vec<StartProblem>,
    /// The name of the object that has its `AuthenticationConfiguration`.
    pub(super) authentication_object: Option<String>,
    /// What the program that starts the server adds or does.
    pub(super) statements: Vec<Statement>,
    /// Why the flags are not all here.
    pub(super) incomplete: Option<String>,
    /// What holds if the file of `--authentication-config` has no `anonymous`; `None` if the flag's default does.
    pub(super) without_anonymous: Option<WithoutAnonymous>,
    /// Whether this is a specification that another program turns into a configuration.
    pub(super) is_hint: bool,
}

/// What a program that starts the server makes of a file of `--authentication-config` without `anonymous`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithoutAnonymous {
    /// It sets `--anonymous-auth=false`, as this text says.
    Off(&'static str),
    /// Its release decides, as this text says.
    Unclear(&'static str),
}

impl Server {
    /// A server with these words behind its name.
    pub(super) fn new(name: impl Into<String>, place: &Place, words: &[Word]) -> Self {
        Self {
            name: name.into(),
            place: place.clone(),
            flags: Flags::read(words),
            release: None,
            authentication: None,
            authorization: None,
            unusable: Vec::new(),
            authentication_object: None,
            statements: Vec::new(),
            incomplete: None,
            without_anonymous: None,
            is_hint: false,
        }
    }

    /// A server that another program starts with flags of its own, unless the user gives them.
    pub(super) fn preset(
        name: impl Into<String>,
        place: &Place,
        preset: &Preset,
        words: &[Word],
    ) -> Self {
        let given = Flags::read(words);
        let is_free = |(name, _): &&(&str, &str)| given.last(name).is_none();
        let mut all = Vec::new();
        let mut server_statements = Vec::new();
        for (flag, value) in preset.set(&given).filter(is_free) {
            server_statements.push(Statement::known(format!(
                "{} sets --{flag}={value}, unless the configuration sets it",
                preset.program
            )));
            all.push(Word {
                text: format!("--{flag}={value}"),
                place: place.clone(),
            });
        }
        let mut without_anonymous = None;
        for one in preset.left_out(&given) {
            server_statements.push(Statement::known(one.text));
            without_anonymous = without_anonymous.or(one.without_anonymous);
        }
        all.extend_from_slice(words);
        Self {
            statements: server_statements,
            without_anonymous,
            ..Self::new(name, place, &all)
        }
    }
}

/// The flags that a program gives to the API server that it starts.
#[derive(Debug)]
pub(super) struct Preset {
    pub(super) program: &'static str,
    pub(super) flags: &'static [(&'static str, &'static str)],
    /// Those of them that it does not give beside others.
    left_out: &'static [LeftOut],
}

/// A flag that a program does not give to the API server if the user gives another one.
#[derive(Debug)]
struct LeftOut {
    flag: &'static str,
    beside: &'static str,
    /// What the releases of the program do.
    text: &'static str,
    without_anonymous: Option<WithoutAnonymous>,
}

impl Preset {
    /// The flags that are left out beside those that the user gives.
    fn left_out(&self, given: &Flags) -> impl Iterator<Item = &'static LeftOut> {
        let is_given =
            |one: &&LeftOut| given.given(one.beside).is_some() && given.last(one.flag).is_none();
        self.left_out.iter().filter(is_given)
    }

    /// The flags that the program sets beside those that the user gives.
    pub(super) fn set(
        &self,
        given: &Flags,
    ) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        let is_beside = |flag: &str| {
            let mut left_out = self.left_out.iter();
            left_out.any(|one| one.flag == flag && given.given(one.beside).is_some())
        };
        self.flags.iter().filter(move |(flag, _)| !is_beside(flag))
    }
}

const MODES: (&str, &str) = ("authorization-mode", "Node,RBAC");
const OFF: (&str, &str) = ("anonymous-auth", "false");

pub(super) static KUBEADM: Preset = Preset {
    program: "kubeadm",
    flags: &[MODES],
    left_out: &[],
};
pub(super) static K3S: Preset = Preset {
    program: "k3s or RKE2",
    flags: &[OFF, MODES],
    left_out: &[
        LeftOut {
            flag: OFF.0,
            beside: "authentication-config",
            text: "k3s and RKE2 leave --anonymous-auth out beside --authentication-config; releases before May 2025 set \
                   it to false, and do not start if the file has anonymous",
            without_anonymous: Some(WithoutAnonymous::Unclear(
                "the file of --authentication-config has no anonymous, so the release decides: k3s and RKE2 before May \
                 2025 refuse anonymous requests, and later ones accept them",
            )),
        },
        LeftOut {
            flag: MODES.0,
            beside: "authorization-config",
            text: "k3s and RKE2 leave --authorization-mode out beside --authorization-config; older releases set it, and \
                   do not start",
            without_anonymous: None,
        },
    ],
};
pub(super) static K0S: Preset = Preset {
    program: "k0s",
    flags: &[OFF, MODES],
    left_out: &[LeftOut {
        flag: OFF.0,
        beside: "authentication-config",
        text: "k0s leaves --anonymous-auth out if the file of --authentication-config has anonymous; releases before July \
               2026 set it, and do not start then",
        without_anonymous: Some(WithoutAnonymous::Off(
            "k0s sets --anonymous-auth=false, because the file of --authentication-config has no anonymous",
        )),
    }],
};
/// From 1.14 on, a document of the machine configuration decides about anonymous requests.
pub(super) static TALOS: Preset = Preset {
    program: "Talos",
    flags: &[OFF, MODES],
    left_out: &[],
};
/// Modes alone.
pub(super) static TALOS_DOCUMENTS: Preset = Preset {
    program: "Talos",
    flags: &[MODES],
    left_out: &[],
};

/// The words `--NAME=VALUE` of a map of flags, or of a list with `name` and `value`.
pub(super) fn flag_words(node: &super::node::Node) -> Vec<Word> {
    let word = |name: &str, value: Option<&str>, place: &Place| Word {
        text: format!("--{name}={}", value.unwrap_or_default()),
        place: place.clone(),
    };
    let map = node.entries().iter();
    let of_map = map.map(|entry| word(&entry.key, entry.node.text(), &entry.place));
    let list = node.items().iter();
    let of_list = list.filter_map(|item| {
        Some(word(
            item.text_of("name")?,
            item.text_of("value"),
            &item.place,
        ))
    });
    of_map.chain(of_list).collect()
}
