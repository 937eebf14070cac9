//! The names of the fields, which differ between products.

/// What a field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// The id of the request.
    Id,
    /// The stage of the event.
    Stage,
    /// Path and query.
    Uri,
    Verb,
    User,
    Sources,
    Agent,
    Status,
    /// When the server received the request.
    Received,
    /// Another time, if that one is missing.
    Time,
    /// Annotations, or labels in Cloud Logging.
    Annotations,
    /// The entry of Cloud Logging, with the request.
    Payload,
    /// The id of an entry of Cloud Logging.
    InsertId,
    /// The name of the log.
    LogName,
    /// A list of events or entries.
    List,
    /// An event as JSON in a text.
    Text,
    /// A table with such a text.
    Properties,
    /// What kind of message `CloudWatch` sends.
    MessageType,
}

/// Names that Kubernetes, Azure, AWS and Google use. AKS has an event of Kubernetes in `properties.log`, and a table with
/// columns of its own. EKS has it in `message`.
const KEYS: [(&str, Key); 37] = [
    // audit.k8s.io/v1
    ("auditID", Key::Id),
    ("stage", Key::Stage),
    ("requestURI", Key::Uri),
    ("verb", Key::Verb),
    ("user", Key::User),
    ("sourceIPs", Key::Sources),
    ("userAgent", Key::Agent),
    ("responseStatus", Key::Status),
    ("requestReceivedTimestamp", Key::Received),
    ("stageTimestamp", Key::Time),
    ("annotations", Key::Annotations),
    ("items", Key::List),
    // Azure: the table AKSAudit, and the records of an event hub
    ("AuditId", Key::Id),
    ("Stage", Key::Stage),
    ("RequestUri", Key::Uri),
    ("Verb", Key::Verb),
    ("User", Key::User),
    ("SourceIps", Key::Sources),
    ("UserAgent", Key::Agent),
    ("ResponseStatus", Key::Status),
    ("RequestReceivedTime", Key::Received),
    ("TimeGenerated", Key::Time),
    ("Annotations", Key::Annotations),
    ("records", Key::List),
    ("category", Key::LogName),
    ("properties", Key::Properties),
    // CloudWatch
    ("events", Key::List),
    ("logEvents", Key::List),
    ("message", Key::Text),
    ("logStream", Key::LogName),
    ("logStreamName", Key::LogName),
    ("messageType", Key::MessageType),
    // Cloud Logging
    ("protoPayload", Key::Payload),
    ("logName", Key::LogName),
    ("insertId", Key::InsertId),
    ("timestamp", Key::Time),
    ("labels", Key::Annotations),
];

/// What a field of this name says; `None` for all others.
pub(super) fn key(name: &str) -> Option<Key> {
    KEYS.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, key)| *key)
}
