//! One JSON value of a log: an event of Kubernetes, an entry of a cloud's log service, or a list of either. Lists are read
//! element by element.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::cloud_logging::Payload;
use super::embedded::{Code, Decided, Embedded, Source, User};
use super::event::{Decision, Event, Who};
use super::facts::{Counts, Facts};
use super::keys::{Key, key};
use super::text::{Text, other_values};

/// How often a text of an entry may be JSON with a text that is JSON again.
const MAX_NESTED: u8 = 2;

/// Takes what entries say.
pub(super) struct Collector<'c> {
    pub(super) each: &'c mut dyn FnMut(&Event<'_>),
    pub(super) counts: &'c mut Counts,
    pub(super) facts: &'c mut Facts,
    /// How many bytes the current element may still have; renewed for each.
    pub(super) budget: &'c Cell<u64>,
    max_element: u64,
    nested: u8,
    /// Events that were passed on before, so that they are left out when their line is read again.
    repeated: u64,
}

impl<'c> Collector<'c> {
    pub(super) fn new(
        each: &'c mut dyn FnMut(&Event<'_>),
        counts: &'c mut Counts,
        facts: &'c mut Facts,
        budget: &'c Cell<u64>,
        max_element: u64,
    ) -> Self {
        Self {
            each,
            counts,
            facts,
            budget,
            max_element,
            nested: 0,
            repeated: 0,
        }
    }

    /// What was counted so far.
    pub(super) const fn snapshot(&self) -> Counts {
        *self.counts
    }

    /// Forgets what was counted since then: it comes again.
    pub(super) const fn again_from(&mut self, before: Counts) {
        self.repeated = self.counts.events - before.events;
        *self.counts = before;
    }

    /// What comes now has not been there before.
    pub(super) const fn finish_again(&mut self) {
        self.repeated = 0;
    }

    /// Reads a text that is an entry, or several one after the other.
    ///
    /// # Errors
    /// It is not JSON, or ends too early.
    pub(super) fn text(&mut self, text: &str) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        loop {
            Entry(self).deserialize(&mut deserializer)?;
            if deserializer.end().is_ok() {
                return Ok(());
            }
        }
    }

    /// Reads JSON inside a text of an entry.
    fn nested(&mut self, text: &str) {
        if !text.trim_start().starts_with('{') || self.nested == MAX_NESTED {
            self.counts.foreign += 1;
            return;
        }
        self.nested += 1;
        if self.text(text).is_err() {
            self.counts.truncated += 1;
        }
        self.nested -= 1;
    }
}

/// Reads one entry into a collector.
pub(super) struct Entry<'e, 'c>(pub(super) &'e mut Collector<'c>);

impl<'de> DeserializeSeed<'de> for Entry<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.budget.set(self.0.max_element);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entry<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry of a log")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Entry(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut fields = Fields::default();
        while let Some(Text(name)) = map.next_key()? {
            match key(&name) {
                Some(key) => fields.read(key, &mut map, self.0)?,
                None => map.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        fields.finish(self.0);
        Ok(())
    }

    // A text, a number or null among the entries.
    other_values!((), unit bool i64 u64 f64 str);
}

/// The fields of an entry.
#[derive(Default)]
struct Fields<'a> {
    id: Text<'a>,
    insert_id: Text<'a>,
    uri: Text<'a>,
    verb: Text<'a>,
    agent: Text<'a>,
    received: Text<'a>,
    time: Text<'a>,
    stage: Text<'a>,
    user: User,
    source: Source,
    code: Option<i64>,
    decision: Option<Decision>,
    payload: Option<Payload<'a>>,
    /// Whether the entries inside have been read, so that this is none itself.
    is_envelope: bool,
}

impl<'de> Fields<'de> {
    fn read<A: MapAccess<'de>>(
        &mut self,
        key: Key,
        map: &mut A,
        collector: &mut Collector<'_>,
    ) -> Result<(), A::Error> {
        match key {
            Key::Id => self.id = map.next_value()?,
            Key::InsertId => self.insert_id = map.next_value()?,
            Key::Stage => self.stage = map.next_value()?,
            Key::Uri => self.uri = map.next_value()?,
            Key::Verb => self.verb = map.next_value()?,
            Key::Agent => self.agent = map.next_value()?,
            Key::Received => self.received = map.next_value()?,
            Key::Time => self.time = map.next_value()?,
            Key::User => self.user = map.next_value::<Embedded<User>>()?.0,
            Key::Sources => self.source = map.next_value::<Embedded<Source>>()?.0,
            Key::Status => self.code = map.next_value::<Embedded<Code>>()?.0.0,
            Key::Annotations => self.decision = map.next_value::<Embedded<Decided>>()?.0.0,
            Key::Payload => self.payload = Some(map.next_value()?),
            Key::LogName => collector.facts.named(&map.next_value::<Text<'_>>()?.0),
            Key::List => {
                self.is_envelope = true;
                map.next_value_seed(Entries(collector))?;
            }
            Key::Text => {
                self.is_envelope = true;
                collector.nested(&map.next_value::<Text<'_>>()?.0);
            }
            Key::Properties => {
                self.is_envelope = true;
                map.next_value_seed(Properties(collector))?;
            }
            // CloudWatch checks with a message of its own whether the destination is there.
            Key::MessageType => {
                self.is_envelope = true;
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn finish(mut self, collector: &mut Collector<'_>) {
        if let Some(payload) = self.payload.take() {
            self.adopt(payload);
        }
        if self.id.0.is_empty() || self.uri.0.is_empty() {
            collector.counts.foreign += u64::from(!self.is_envelope);
            return;
        }
        let is_401 = self.code == Some(401);
        let who = match (self.user.has_name, self.user.is_anonymous) {
            (_, true) => Who::Anonymous,
            (false, _) if is_401 => Who::Unauthenticated,
            _ => Who::Known,
        };
        let time = [&self.received, &self.time];
        let at = time.into_iter().find_map(|Text(text)| text.parse().ok());
        if let Some(at) = at {
            collector.facts.saw(at);
        }
        collector.counts.events += 1;
        if collector.repeated > 0 {
            collector.repeated -= 1;
            return;
        }
        (collector.each)(&Event {
            id: &self.id.0,
            uri: &self.uri.0,
            verb: &self.verb.0,
            who,
            source: &self.source.0,
            agent: &self.agent.0,
            decision: match who {
                Who::Unauthenticated => Decision::Unauthenticated,
                _ => self.decision.unwrap_or(Decision::Unknown),
            },
            at,
            last: match &*self.stage.0 {
                "RequestReceived" => false,
                "ResponseStarted" => who == Who::Unauthenticated,
                _ => true,
            },
        });
    }

    /// Takes the request of an entry of Cloud Logging.
    fn adopt(&mut self, payload: Payload<'de>) {
        self.id = std::mem::take(&mut self.insert_id);
        self.uri = Text(Cow::Owned(payload.path()));
        self.verb = Text(Cow::Owned(payload.verb().to_owned()));
        self.code = payload.http_status();
        self.decision = self.decision.or(payload.decision);
        self.user = User::named(&payload.principal);
        self.source = Source(payload.metadata.caller);
        self.agent = Text(Cow::Owned(payload.metadata.agent));
    }
}

/// A list of entries. Any other value is none.
struct Entries<'e, 'c>(&'e mut Collector<'c>);

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(Entry(self.0))
    }
}

/// `properties` of a record of Azure, whose `log` is an event.
struct Properties<'e, 'c>(&'e mut Collector<'c>);

impl<'de> DeserializeSeed<'de> for Properties<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Properties<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the properties of a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = map.next_key()? {
            if name == "log" {
                self.0.nested(&map.next_value::<Text<'_>>()?.0);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        // Log Analytics writes the properties as JSON in a text.
        let mut deserializer = serde_json::Deserializer::from_str(text);
        if Properties(self.0).deserialize(&mut deserializer).is_err() {
            self.0.counts.truncated += 1;
        }
        Ok(())
    }

    other_values!((), unit bool i64 u64 f64 seq);
}
