//! The request inside an entry of Google's Cloud Logging: `protoPayload`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::embedded::{Code, Embedded, Part};
use super::event::Decision;
use super::text::{Text, other_values};

/// What is read of it.
#[derive(Default)]
pub(super) struct Payload<'a> {
    method: Text<'a>,
    resource: Text<'a>,
    /// Who asked; empty if authentication refused the request.
    pub(super) principal: String,
    pub(super) metadata: Metadata,
    pub(super) decision: Option<Decision>,
    code: Option<i64>,
}

impl Payload<'_> {
    /// `/api`, `/api/v1/secrets`, `/apis/apps/v1/deployments`: Google writes paths without a slash and without
    /// `api` or `apis`.
    pub(super) fn path(&self) -> String {
        let resource = &self.resource.0;
        // `io.k8s.get` is a path that is no resource, `io.k8s.core.v1.pods.list` is one.
        let is_resource = self.method.0.split('.').count() > 3;
        match resource.strip_prefix("core/") {
            _ if resource.is_empty() => String::new(),
            Some(rest) if is_resource => format!("/api/{rest}"),
            None if is_resource => format!("/apis/{resource}"),
            _ => format!("/{resource}"),
        }
    }

    /// `get`, `list`.
    pub(super) fn verb(&self) -> &str {
        self.method.0.rsplit('.').next().unwrap_or_default()
    }

    /// The HTTP status code of the codes of `google.rpc.Code` that matter here.
    pub(super) const fn http_status(&self) -> Option<i64> {
        match self.code {
            Some(16) => Some(401),
            Some(7) => Some(403),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Payload<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Payload<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a request")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Payload<'de>, A::Error> {
                let mut payload = Payload::default();
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "methodName" => payload.method = map.next_value()?,
                        "resourceName" => payload.resource = map.next_value()?,
                        "authenticationInfo" => {
                            payload.principal = map.next_value::<Embedded<Principal>>()?.0.0;
                        }
                        "requestMetadata" => {
                            payload.metadata = map.next_value::<Embedded<Metadata>>()?.0;
                        }
                        "authorizationInfo" => payload.decision = map.next_value::<Grants>()?.0,
                        "status" => payload.code = map.next_value::<Embedded<Code>>()?.0.0,
                        _ => map.next_value::<IgnoredAny>().map(|_| ())?,
                    }
                }
                Ok(payload)
            }

            other_values!(Payload<'de>, unit bool i64 u64 f64 str seq);
        }

        deserializer.deserialize_any(Fields)
    }
}

/// Who asked.
#[derive(Default)]
struct Principal(String);

impl Part for Principal {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if key == "principalEmail" {
            self.0 = map.next_value::<Text<'_>>()?.0.into_owned();
            Ok(())
        } else {
            map.next_value::<IgnoredAny>().map(|_| ())
        }
    }
}

/// Where a request came from.
#[derive(Default)]
pub(super) struct Metadata {
    pub(super) caller: String,
    pub(super) agent: String,
}

impl Part for Metadata {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let text = match key {
            "callerIp" => &mut self.caller,
            "callerSuppliedUserAgent" => &mut self.agent,
            _ => return map.next_value::<IgnoredAny>().map(|_| ()),
        };
        *text = map.next_value::<Text<'_>>()?.0.into_owned();
        Ok(())
    }
}

/// Whether a permission was granted.
#[derive(Default)]
struct Granted(bool);

impl Part for Granted {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if key == "granted" {
            self.0 = map.next_value::<Flag>()?.0;
            Ok(())
        } else {
            map.next_value::<IgnoredAny>().map(|_| ())
        }
    }
}

/// True, or false for any other value.
#[derive(Default)]
struct Flag(bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyFlag;

        impl<'de> Visitor<'de> for AnyFlag {
            type Value = Flag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(flag))
            }

            other_values!(Flag, unit i64 u64 f64 str seq map);
        }

        deserializer.deserialize_any(AnyFlag)
    }
}

/// The decision about all permissions of a request; `None` without any.
#[derive(Default)]
struct Grants(Option<Decision>);

impl<'de> Deserialize<'de> for Grants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Grants;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of permissions")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Grants, A::Error> {
                let mut decision = None;
                while let Some(Embedded(Granted(granted))) = seq.next_element()? {
                    let one = if granted {
                        Decision::Allowed
                    } else {
                        Decision::Forbidden
                    };
                    decision = decision.max(Some(one));
                }
                Ok(Grants(decision))
            }

            other_values!(Grants, unit bool i64 u64 f64 str map);
        }

        deserializer.deserialize_any(List)
    }
}
