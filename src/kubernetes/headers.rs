//! The headers of an answer, as one text: an answer has a dozen, and so few are found faster in one block of memory than in
//! a map.

/// The headers of an answer, in their order. Names may come more than once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers {
    /// Names in lower case and values, one after the other.
    text: Vec<u8>,
    fields: Vec<Field>,
}

/// Where the name and the value of a header end in the text. The name begins where the header before it ends.
#[derive(Debug, Clone, Copy)]
struct Field {
    name: usize,
    value: usize,
}

impl Headers {
    /// No headers yet, with room for so many, of so many bytes together.
    pub(crate) fn with_capacity(count: usize, bytes: usize) -> Self {
        Self {
            text: Vec::with_capacity(bytes),
            fields: Vec::with_capacity(count),
        }
    }

    /// Adds a header.
    pub(crate) fn push(&mut self, name: &str, value: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(name.as_bytes());
        self.text[start..].make_ascii_lowercase();
        let name = self.text.len();
        self.text.extend_from_slice(value);
        let value = self.text.len();
        self.fields.push(Field { name, value });
    }

    /// The first header of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// Every header of this name.
    pub(crate) fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let named =
            (self.iter()).filter(move |(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| value)
    }

    /// Whether there is a header of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Names, in lower case, and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        pairs(&self.text, &self.fields)
    }

    /// Replaces all headers of this name.
    #[cfg(test)]
    pub(crate) fn set(&mut self, name: &str, value: &[u8]) {
        self.remove(name);
        self.push(name, value);
    }

    /// Removes all headers of this name.
    pub(crate) fn remove(&mut self, name: &str) {
        self.retain(|other, _| !other.eq_ignore_ascii_case(name.as_bytes()));
    }

    /// Keeps the first header of each name that is wanted.
    pub(crate) fn keep_firsts(&mut self, is_wanted: impl Fn(&[u8]) -> bool) {
        self.retain(|name, is_kept| is_wanted(name) && !is_kept);
        // A head with much else would keep its room in memory.
        if self.text.capacity() > 2 * self.text.len() {
            self.text.shrink_to_fit();
            self.fields.shrink_to_fit();
        }
    }

    /// Keeps the headers that are wanted. Their name decides, and whether a header of this name is kept already.
    fn retain(&mut self, is_wanted: impl Fn(&[u8], bool) -> bool) {
        let (mut start, mut kept, mut end) = (0, 0, 0);
        for at in 0..self.fields.len() {
            let field = self.fields[at];
            let name = &self.text[start..field.name];
            let is_kept = pairs(&self.text, &self.fields[..kept]).any(|(other, _)| other == name);
            if is_wanted(name, is_kept) {
                self.text.copy_within(start..field.value, end);
                self.fields[kept] = Field {
                    name: end + field.name - start,
                    value: end + field.value - start,
                };
                (kept, end) = (kept + 1, end + field.value - start);
            }
            start = field.value;
        }
        self.fields.truncate(kept);
        self.text.truncate(end);
    }
}

/// The names and values of these fields.
fn pairs<'a>(text: &'a [u8], fields: &'a [Field]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let mut start = 0;
    fields.iter().map(move |field| {
        let pair = (&text[start..field.name], &text[field.name..field.value]);
        start = field.value;
        pair
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(headers: &Headers) -> String {
        let line = |(name, value): (&[u8], &[u8])| [name, b": ", value, b"\n"].concat();
        String::from_utf8(headers.iter().flat_map(line).collect()).unwrap()
    }

    #[test]
    fn names_are_found_in_any_case_and_only_the_first_is_kept() {
        let mut headers = Headers::default();
        for (name, value) in [
            ("Via", "one"),
            ("audit-id", "a"),
            ("via", "two"),
            ("X-Other", "o"),
            ("empty", ""),
        ] {
            headers.push(name, value.as_bytes());
        }
        assert_eq!(headers.get("Audit-ID").unwrap(), b"a");
        assert_eq!(headers.get_all("via").count(), 2);
        assert_eq!(headers.get("empty").unwrap(), b"");
        assert!(!headers.contains("x") && !headers.contains("via: one"));
        headers.keep_firsts(|name| name != b"x-other");
        assert_eq!(text(&headers), "via: one\naudit-id: a\nempty: \n");
        headers.set("via", b"three");
        assert_eq!(text(&headers), "audit-id: a\nempty: \nvia: three\n");
        headers.remove("VIA");
        headers.remove("audit-id");
        assert_eq!(text(&headers), "empty: \n");
    }
}
