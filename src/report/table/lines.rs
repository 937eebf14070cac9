//! Lines of text, wrapped between words.

use unicode_width::UnicodeWidthChar as _;

/// The narrowest layout. A narrower terminal wraps the lines itself.
const MIN_WIDTH: usize = 40;
/// The widest layout.
const MAX_WIDTH: usize = 1000;
/// Names in a line that is not wrapped.
const MAX_NAMES: usize = 12;
/// Columns that a name has at least.
const MIN_NAME: usize = 12;
/// What marks a text that was cut.
const MARK: char = '…';

/// Lines for a terminal of a width, or of any length.
pub(in crate::report) struct Lines {
    pub(super) width: Option<usize>,
    pub(in crate::report) lines: Vec<String>,
}

impl Lines {
    pub(in crate::report) fn new(width: Option<usize>) -> Self {
        Self {
            width: width.map(|width| width.clamp(MIN_WIDTH, MAX_WIDTH)),
            lines: Vec::new(),
        }
    }

    /// Adds a text, wrapped between words. Its first line is indented by `indent`, the others by two more.
    pub(in crate::report) fn say(&mut self, indent: usize, text: &str) {
        self.lines.extend(wrapped(indent, text, self.width));
    }

    /// Adds a text in one line, however long: a command must not be broken.
    pub(super) fn say_whole(&mut self, indent: usize, text: &str) {
        self.lines.push(format!("{:indent$}{text}", ""));
    }

    /// Adds a line of names: as many as fit, and the number of the others. The first name is always said.
    pub(super) fn say_names(&mut self, indent: usize, start: &str, names: &[String]) {
        let room = (self.width).map(|all| all.saturating_sub(indent + width(start)));
        self.say(indent, &format!("{start}{}", first_names(names, room)));
    }

    /// Whether a text fits in one line.
    pub(super) fn fits(&self, indent: usize, text: &str) -> bool {
        self.width.is_none_or(|all| indent + width(text) <= all)
    }

    /// Adds a text that may have at most this many lines. A longer one is cut at a word.
    pub(super) fn say_briefly(&mut self, indent: usize, text: &str, most: usize) {
        let mut lines = wrapped(indent, text, self.width);
        if let Some(width) = self.width.filter(|_| lines.len() > most) {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                *last = marked(last, width);
            }
        }
        self.lines.extend(lines);
    }
}

/// The columns that a text takes on a terminal. Colours take none.
pub(super) fn width(text: &str) -> usize {
    let mut in_colour = false;
    let mut width = 0;
    for c in text.chars() {
        match c {
            '\u{1b}' => in_colour = true,
            'm' if in_colour => in_colour = false,
            _ if in_colour => {}
            c => width += c.width().unwrap_or(0),
        }
    }
    width
}

/// A name without its middle if it is wider than this: the start says what it is, the end which one.
pub(super) fn without_middle(name: &str, most: usize) -> String {
    if width(name) <= most {
        return name.to_owned();
    }
    let chars: Vec<char> = name.chars().collect();
    let kept = most.saturating_sub(1).min(chars.len());
    let (start, end) = (kept / 2, kept - kept / 2);
    let start: String = chars[..start].iter().collect();
    let end: String = chars[chars.len() - end..].iter().collect();
    format!("{start}{MARK}{end}")
}

/// The names that fit in this many columns, and the number of the others. If not even the first fits, it loses its middle.
pub(super) fn first_names(names: &[String], room: Option<usize>) -> String {
    let text = |listed: usize| {
        let start = names[..listed].join(", ");
        match names.len() - listed {
            0 => start,
            more => format!("{start} … and {more} more"),
        }
    };
    let most = names.len().min(MAX_NAMES);
    match room {
        None => text(most),
        Some(room) => (1..=most)
            .rev()
            .map(text)
            .find(|text| width(text) <= room)
            .unwrap_or_else(|| match names {
                [] => String::new(),
                [only] => without_middle(only, room.max(MIN_NAME)),
                [first, others @ ..] => {
                    let more = format!(" … and {} more", others.len());
                    let room = room.saturating_sub(width(&more)).max(MIN_NAME);
                    without_middle(first, room) + &more
                }
            }),
    }
}

fn wrapped(indent: usize, text: &str, width: Option<usize>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = " ".repeat(indent);
    let mut is_empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let fits = |width| self::width(&line) + 1 + self::width(word) <= width;
        if !is_empty {
            if width.is_none_or(fits) {
                line.push(' ');
            } else {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent + 2)));
            }
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines
}

/// The text, cut at a word if it is wider than this. A word that is too wide itself is cut, too.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if width(text) <= most {
        text.to_owned()
    } else {
        marked(text, most)
    }
}

/// The words that fit, with a mark that more follows. Colours take no room.
fn marked(text: &str, most: usize) -> String {
    let room = most.saturating_sub(1);
    let (mut kept, mut in_colour) = (0, false);
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        in_colour |= c == '\u{1b}';
        if in_colour {
            in_colour = c != 'm';
            continue;
        }
        kept += c.width().unwrap_or(0);
        if kept > room {
            end = at;
            break;
        }
    }
    let cut = &text[..end];
    // A word that ends at the cut is whole.
    let whole = text[end..].starts_with(' ') || end == text.len();
    let words = match cut.rfind(' ') {
        Some(space) if !whole && !cut[..space].trim().is_empty() => &cut[..space],
        _ => cut,
    };
    let words = words.trim_end_matches([' ', ',', ';', ':']);
    format!("{words}{MARK}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_wide_loses_its_middle() {
        let arn =
            "arn:aws:eks:eu-central-1:123456789012:cluster/payments-production-green".to_owned();
        assert_eq!(without_middle(&arn, 21), "arn:aws:ek…tion-green");
        assert_eq!(without_middle("short", 21), "short");
        let names = [arn.clone(), arn.clone(), arn];
        assert_eq!(
            first_names(&names, Some(36)),
            "arn:aws:eks…ction-green … and 2 more"
        );
        assert_eq!(width(&first_names(&names[..1], Some(30))), 30);
    }

    #[test]
    fn text_wraps_between_words_only() {
        let mut lines = Lines::new(Some(40));
        lines.say(2, "one two three four five six seven eight nine ten eleven");
        assert_eq!(
            lines.lines,
            [
                "  one two three four five six seven",
                "    eight nine ten eleven"
            ]
        );
        let mut lines = Lines::new(None);
        lines.say(2, &"word ".repeat(100));
        assert_eq!(lines.lines.len(), 1);
    }

    #[test]
    fn a_short_text_ends_at_a_word() {
        assert_eq!(shortened("list pods, nodes", 16), "list pods, nodes");
        assert_eq!(shortened("list pods, nodes", 15), "list pods…");
        assert_eq!(shortened("list pods, nodes", 10), "list…");
        assert_eq!(shortened("listing", 4), "lis…");
        assert_eq!(shortened("東京都 庁舎", 7), "東京都…");
        let mut lines = Lines::new(Some(40));
        lines.say_briefly(0, &"word, ".repeat(30), 1);
        assert_eq!(lines.lines, ["word, word, word, word, word, word…"]);
    }

    #[test]
    fn colours_take_no_room() {
        let high = "\u{1b}[1m\u{1b}[31mhigh\u{1b}[0m";
        assert_eq!(width(high), 4);
        let text = format!("{high} one two");
        assert_eq!(shortened(&text, 12), text);
        assert_eq!(shortened(&text, 11), format!("{high} one…"));
    }
}
