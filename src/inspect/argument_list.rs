//! Argument lists as text: a file of arguments (`MicroK8s`), a line of `ps`, a unit file, a line of a k3s log, and
//! `/proc/PID/cmdline`.

use super::document::File;
use super::found::Found;
use super::node::Node;
use super::server::Server;
use super::words::{Word, behind_program, is_program, shell};

/// What k3s and RKE2 write before the arguments of the server that they start.
const LOG: &str = "Running kube-apiserver ";

/// Reads a file if it is such a text.
pub(super) fn read(file: File<'_>, found: &mut Found) -> bool {
    if file.text.contains('\0') {
        let words: Vec<Word> = file.text.split('\0').map(|text| word(file, text)).collect();
        let Some(words) = behind_program(&words) else {
            return false;
        };
        // The list ends with a zero.
        let end = words.iter().rposition(|word| !word.text.is_empty());
        let words = &words[..end.map_or(0, |end| end + 1)];
        found
            .servers
            .push(Server::new("command line", &file.place(1, 1), words));
        return true;
    }
    if let Some(words) = logged(file) {
        let place = words
            .first()
            .map_or(file.place(1, 1), |word| word.place.clone());
        found.servers.push(Server::new(
            "kube-apiserver in a log of k3s or RKE2",
            &place,
            &words,
        ));
        return true;
    }
    if is_document(file.text) {
        return false;
    }
    let commands = shell(file.text, &|line, column| file.place(line, column));
    let mut is_read = false;
    for command in &commands {
        // `grep kube-apiserver` has no flags behind it.
        let words = behind_program(command).filter(|words| words.iter().any(is_flag));
        if let Some(words) = words {
            let place = &command[0].place;
            found
                .servers
                .push(Server::new("kube-apiserver", place, words));
            is_read = true;
        }
    }
    let begins_with_flag = |command: &Vec<Word>| command.first().is_some_and(is_flag);
    // A list of one argument in a line may begin with the program.
    let arguments = match commands.as_slice() {
        [first, rest @ ..] if behind_program(first).is_some_and(<[Word]>::is_empty) => rest,
        all => all,
    };
    if !is_read && !arguments.is_empty() && arguments.iter().all(begins_with_flag) {
        let words: Vec<Word> = arguments.iter().flatten().cloned().collect();
        let place = &arguments[0][0].place;
        found.servers.push(Server::new("arguments", place, &words));
        is_read = true;
    }
    is_read
}

fn is_flag(word: &Word) -> bool {
    word.text.starts_with("--")
}

fn word(file: File<'_>, text: &str) -> Word {
    Word {
        text: text.to_owned(),
        place: file.place(1, 1),
    }
}

/// Whether a text is YAML or JSON.
fn is_document(text: &str) -> bool {
    const BEGINNINGS: [&str; 6] = ["apiVersion:", "kind:", "items:", "---", "{", "- "];
    text.lines().any(|line| {
        // A section of a unit file begins with a bracket too.
        let is_list = line
            .strip_prefix('[')
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphabetic()));
        is_list
            || BEGINNINGS
                .iter()
                .any(|beginning| line.starts_with(beginning))
    })
}

/// The words of the last start that a log of k3s or RKE2 has.
fn logged(file: File<'_>) -> Option<Vec<Word>> {
    let lines = (1..).zip(file.text.lines());
    let (number, line, at) = lines
        .filter_map(|(number, line)| Some((number, line, line.find(LOG)?)))
        .last()?;
    let rest = &line[at + LOG.len()..];
    let rest = rest.strip_suffix('"').unwrap_or(rest);
    let before = u32::try_from(line[..at + LOG.len()].chars().count()).unwrap_or_default();
    let place = |_, column: u32| file.place(number, column.saturating_add(before));
    Some(shell(rest, &place).into_iter().flatten().collect())
}

/// Reads a document that is a list of arguments.
pub(super) fn read_sequence(node: &Node, found: &mut Found) -> bool {
    let words: Vec<Word> = node
        .items()
        .iter()
        .filter_map(|item| {
            Some(Word {
                text: item.text()?.to_owned(),
                place: item.place.clone(),
            })
        })
        .collect();
    let is_arguments = words.len() == node.items().len()
        && words
            .first()
            .is_some_and(|first| is_flag(first) || is_program(&first.text));
    if is_arguments {
        let words = behind_program(&words).unwrap_or(&words);
        found
            .servers
            .push(Server::new("arguments", &node.place, words));
    }
    is_arguments
}
