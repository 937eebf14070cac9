//! The headers of an answer. They are a list, because an answer has a dozen, and so few are found as fast in one block of
//! memory as in a map.

use http::{HeaderName, HeaderValue};

/// For how many headers there is room from the beginning, at most.
const MANY: usize = 32;

/// The headers of an answer, in their order. Names may come more than once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    /// The first header of this name.
    pub(crate) fn get<Name: ?Sized>(&self, name: &Name) -> Option<&HeaderValue>
    where
        HeaderName: PartialEq<Name>,
    {
        self.get_all(name).next()
    }

    /// Every header of this name.
    pub(crate) fn get_all<Name: ?Sized>(&self, name: &Name) -> impl Iterator<Item = &HeaderValue>
    where
        HeaderName: PartialEq<Name>,
    {
        let named = self.iter().filter(move |(other, _)| **other == *name);
        named.map(|(_, value)| value)
    }

    /// Whether there is a header of this name.
    pub(crate) fn contains<Name: ?Sized>(&self, name: &Name) -> bool
    where
        HeaderName: PartialEq<Name>,
    {
        self.get(name).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Replaces all headers of this name.
    pub(crate) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.remove(&name);
        self.0.push((name, value));
    }

    /// Removes all headers of this name.
    pub(crate) fn remove(&mut self, name: &HeaderName) {
        self.0.retain(|(other, _)| other != name);
    }

    /// The first of each name that is wanted.
    pub(crate) fn firsts(mut self, is_wanted: impl Fn(&HeaderName) -> bool) -> Self {
        let mut firsts = 0;
        for at in 0..self.0.len() {
            let (name, _) = &self.0[at];
            if is_wanted(name) && !self.0[..firsts].iter().any(|(first, _)| first == name) {
                self.0.swap(firsts, at);
                firsts += 1;
            }
        }
        self.0.truncate(firsts);
        self
    }
}

impl FromIterator<(HeaderName, HeaderValue)> for Headers {
    fn from_iter<Found: IntoIterator<Item = (HeaderName, HeaderValue)>>(headers: Found) -> Self {
        let headers = headers.into_iter();
        let (least, most) = headers.size_hint();
        let mut list = Vec::with_capacity(most.unwrap_or(least).min(MANY));
        list.extend(headers);
        Self(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_only_the_first_is_kept() {
        let headers: Headers = [
            ("via", "one"),
            ("audit-id", "a"),
            ("via", "two"),
            ("x-other", "o"),
        ]
        .into_iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
        assert_eq!(headers.get("Audit-ID").unwrap(), "a");
        assert_eq!(headers.get_all(&http::header::VIA).count(), 2);
        let mut firsts = headers.firsts(|name| name != "x-other");
        assert_eq!(firsts.iter().count(), 2);
        assert_eq!(firsts.get("via").unwrap(), "one");
        firsts.set(http::header::VIA, HeaderValue::from_static("three"));
        assert_eq!(firsts.get("via").unwrap(), "three");
        firsts.remove(&http::header::VIA);
        assert!(!firsts.contains("via") && firsts.contains("audit-id"));
    }
}
