//! The words of a command line, each with its place.

use super::place::Place;

/// A word of a command line.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) place: Place,
}

/// The commands of a shell text, each as its words: quotes and backslashes are resolved, comments and redirections are
/// left out. A line that ends with a backslash goes on in the next one.
pub(super) fn shell(text: &str, place: &impl Fn(u32, u32) -> Place) -> Vec<Vec<Word>> {
    let mut shell = Shell::default();
    let (mut line, mut column) = (1, 0);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        column += 1;
        let at = (line, column);
        match (shell.quote, character) {
            (_, '\n') => {
                (line, column) = (line + 1, 0);
                match shell.quote {
                    Some(_) => shell.push(at, '\n'),
                    None => shell.end_command(place),
                }
            }
            (Some(quote), character) if character == quote => shell.quote = None,
            (None, '\'' | '"') => {
                shell.begin(at);
                shell.quote = Some(character);
            }
            (None | Some('"'), '\\') => match characters.next() {
                Some('\n') => (line, column) = (line + 1, 0),
                Some('\r') if characters.peek() == Some(&'\n') => {
                    characters.next();
                    (line, column) = (line + 1, 0);
                }
                Some(next) => {
                    column += 1;
                    shell.push(at, next);
                }
                None => {}
            },
            (None, '#') if shell.word.is_none() => {
                while characters.next_if(|next| *next != '\n').is_some() {}
            }
            (None, '>' | '<') => {
                shell.begin_redirection(place);
                while characters
                    .next_if(|next| matches!(next, '>' | '<' | '&' | '|'))
                    .is_some()
                {
                    column += 1;
                }
            }
            // Both streams: `&>FILE`.
            (None, '&') if characters.peek() == Some(&'>') => shell.end_word(place),
            (None, ';' | '|' | '&') => shell.end_command(place),
            (None, character) if character.is_whitespace() => shell.end_word(place),
            (_, character) => shell.push(at, character),
        }
    }
    shell.end_command(place);
    shell.commands
}

#[derive(Default)]
struct Shell {
    commands: Vec<Vec<Word>>,
    command: Vec<Word>,
    /// The word that is being read, and where it began.
    word: Option<((u32, u32), String)>,
    quote: Option<char>,
    /// Whether the next word names what a stream is redirected to.
    is_redirected: bool,
}

impl Shell {
    fn begin(&mut self, at: (u32, u32)) -> &mut String {
        &mut self.word.get_or_insert_with(|| (at, String::new())).1
    }

    fn push(&mut self, at: (u32, u32), character: char) {
        self.begin(at).push(character);
    }

    fn end_word(&mut self, place: &impl Fn(u32, u32) -> Place) {
        if let Some(((line, column), text)) = self.word.take() {
            if std::mem::take(&mut self.is_redirected) {
                return;
            }
            self.command.push(Word {
                text,
                place: place(line, column),
            });
        }
    }

    /// A number right before the sign names the stream; it is no word.
    fn begin_redirection(&mut self, place: &impl Fn(u32, u32) -> Place) {
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        match &self.word {
            Some((_, text)) if is_number(text) => self.word = None,
            _ => self.end_word(place),
        }
        self.is_redirected = true;
    }

    fn end_command(&mut self, place: &impl Fn(u32, u32) -> Place) {
        self.end_word(place);
        self.is_redirected = false;
        if !self.command.is_empty() {
            self.commands.push(std::mem::take(&mut self.command));
        }
    }
}

/// Whether a word starts the API server: `kube-apiserver`, with or without a path.
pub(super) fn is_program(word: &str) -> bool {
    word.rsplit('/').next() == Some("kube-apiserver")
}

/// Whether a command can start the API server, and does not only name it as `command -v kube-apiserver` does.
pub(super) fn starts_program(words: &[Word]) -> bool {
    const BEFORE: [&str; 9] = ["!", "(", "{", "do", "else", "exec", "nohup", "then", "time"];
    let Some(at) = words.iter().rposition(|word| is_program(&word.text)) else {
        return false;
    };
    let (before, behind) = words.split_at(at);
    let leads = |word: &Word| BEFORE.contains(&word.text.as_str()) || word.text.contains('=');
    before.iter().all(leads) || behind.iter().any(|word| word.text.starts_with("--"))
}

/// The words behind the last one that starts the API server; `None` if none does.
pub(super) fn behind_program(words: &[Word]) -> Option<&[Word]> {
    let at = words.iter().rposition(|word| is_program(&word.text))?;
    words.get(at + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Source;

    fn words(text: &str) -> Vec<String> {
        let commands = shell(text, &|line, column| {
            Place::new(Source::Stdin, line, column)
        });
        let word = |word: &Word| format!("{}:{} {}", word.place.line, word.place.column, word.text);
        commands.iter().flatten().map(word).collect()
    }

    #[test]
    fn redirections_are_no_words() {
        for text in [
            "a --b 1>>file 2>&1",
            "a --b >> file",
            "a --b 2>&1",
            "a --b > /tmp/p 2>&1",
            "a --b 2> x &",
            "a --b &>x",
            "a --b >| x </dev/null",
            "> x a --b",
        ] {
            let words = words(text);
            let texts = words.iter().filter_map(|word| word.split_once(' '));
            let texts: Vec<&str> = texts.map(|(_, text)| text).collect();
            assert_eq!(texts, ["a", "--b"], "{text}");
        }
        assert_eq!(
            words("a '--b=1>2' c2>x"),
            ["1:1 a", "1:3 --b=1>2", "1:13 c2"]
        );
        assert_eq!(words("a >x\n--b"), ["1:1 a", "2:1 --b"]);
    }

    #[test]
    fn quotes_comments_and_continued_lines() {
        assert_eq!(
            words("a --b='c d'\\\n --e=\"f\\\"g\" # no\n# no\n--h=i#j"),
            ["1:1 a", "1:3 --b=c d", "2:2 --e=f\"g", "4:1 --h=i#j"]
        );
        assert_eq!(words("'' x\\ y"), ["1:1 ", "1:4 x y"]);
        assert!(words("").is_empty());
    }
}
