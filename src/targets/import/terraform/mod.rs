//! `terraform show -json` of a state or a plan, and state files of version 4: the clusters of all modules.
//!
//! A state has administrator keys in clear. Only attributes of clusters are read, into types without a field for a
//! secret; the attributes of any other resource are skipped unread.

mod clusters;

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead};

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::documents::{self, Documents};
use super::imported::{Handler, ImportedLine};
use clusters::{amazon, azure, google};

const EXPECTED: &str = "the output of terraform show -json, or a state file of version 4";

pub(super) fn read(reader: impl BufRead, handle: Handler<'_>) -> Result<(), (u32, io::Error)> {
    documents::read(reader, EXPECTED, handle, &mut Terraform)
}

struct Terraform;

impl Documents for Terraform {
    fn document<'de, D: Deserializer<'de>>(
        &mut self,
        line: &Cell<u32>,
        handle: Handler<'_>,
        deserializer: D,
    ) -> Result<(), D::Error> {
        let place = Place::Document;
        let walk = Walk {
            place,
            line,
            handle,
        };
        walk.deserialize(deserializer)
    }
}

/// A resource that is a cluster.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Google,
    Azure,
    Amazon,
}

impl Kind {
    fn of(resource: &str) -> Option<Self> {
        match resource {
            "google_container_cluster" => Some(Self::Google),
            "azurerm_kubernetes_cluster" => Some(Self::Azure),
            "aws_eks_cluster" => Some(Self::Amazon),
            _ => None,
        }
    }
}

/// Every state and plan has at least one of these keys.
const OF_DOCUMENTS: [&str; 5] = [
    "format_version",
    "terraform_version",
    "values",
    "planned_values",
    "resources",
];

/// The note about what is left of a cluster that was replaced.
const DEPOSED: &str = "a deposed object, which Terraform is to destroy: no target";
/// The warning about attributes in the form of Terraform before 0.12.
const FLAT: &str = "attributes_flat, which Terraform before 0.12 wrote, is not read: write the state with a newer \
                    Terraform, or give terraform show -json";

/// Where in a document a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Document,
    Values,
    Module,
    Modules,
    Resources,
    Resource,
    Instances(Kind),
    Instance(Kind),
    Attributes(Kind),
}

/// Reads one value, and hands on the clusters in it.
struct Walk<'a, 'h> {
    place: Place,
    line: &'a Cell<u32>,
    handle: Handler<'h>,
}

impl Walk<'_, '_> {
    fn at(&mut self, place: Place) -> Walk<'_, '_> {
        Walk {
            place,
            line: self.line,
            handle: &mut *self.handle,
        }
    }

    fn attributes<'de, D: Deserializer<'de>>(self, kind: Kind, values: D) -> Result<(), D::Error> {
        let (line, handle) = (self.line.get(), self.handle);
        match kind {
            Kind::Google => Option::deserialize(values)?.map(|found| google(line, &found, handle)),
            Kind::Azure => Option::deserialize(values)?.map(|found| azure(line, found, handle)),
            Kind::Amazon => Option::deserialize(values)?.map(|found| amazon(line, &found, handle)),
        };
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.place {
            Place::Attributes(kind) => self.attributes(kind, deserializer),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, an array or null")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let element = match self.place {
            Place::Modules => Place::Module,
            Place::Resources => Place::Resource,
            Place::Instances(kind) => Place::Instance(kind),
            _ => return Err(A::Error::custom("an unexpected array")),
        };
        while seq.next_element_seed(self.at(element))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        // The kind of a resource, once it is read.
        let mut kind = None;
        // Whether a resource is deposed may be said after its attributes.
        let (mut found, mut is_deposed) = (Vec::new(), false);
        let mut is_known = self.place != Place::Document;
        while let Some(key) = map.next_key::<String>()? {
            is_known = is_known || OF_DOCUMENTS.contains(&key.as_str());
            let place = match (self.place, key.as_str()) {
                (Place::Document, "values" | "planned_values") => Place::Values,
                (Place::Document | Place::Module, "resources") => Place::Resources,
                (Place::Values, "root_module") => Place::Module,
                (Place::Module, "child_modules") => Place::Modules,
                (Place::Resource, "type") => {
                    kind = Some(Kind::of(&map.next_value::<String>()?));
                    continue;
                }
                (Place::Resource, "values" | "instances") => match (kind, key.as_str()) {
                    (None, _) => {
                        let problem =
                            "a resource whose type does not come first, as Terraform writes it";
                        return Err(A::Error::custom(problem));
                    }
                    (Some(Some(kind)), "values") => Place::Attributes(kind),
                    (Some(Some(kind)), _) => Place::Instances(kind),
                    (Some(None), _) => {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                },
                (Place::Instance(kind), "attributes") => Place::Attributes(kind),
                (Place::Instance(_), "attributes_flat") => {
                    if map.next_value::<Option<IgnoredAny>>()?.is_some() {
                        found.push((self.line.get(), Ok(ImportedLine::Warning(FLAT.into()))));
                    }
                    continue;
                }
                (Place::Instance(_), "deposed") | (Place::Resource, "deposed_key") => {
                    is_deposed |= map.next_value::<Option<IgnoredAny>>()?.is_some();
                    continue;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if let Place::Attributes(_) = place {
                let handle: Handler<'_> = &mut |line, one| found.push((line, one));
                let line = self.line;
                map.next_value_seed(Walk {
                    place,
                    line,
                    handle,
                })?;
            } else {
                map.next_value_seed(self.at(place))?;
            }
        }
        if is_deposed && !found.is_empty() {
            let note = ImportedLine::Warning(DEPOSED.into());
            (self.handle)(self.line.get(), Ok(note));
        } else {
            for (line, one) in found {
                (self.handle)(line, one);
            }
        }
        if !is_known {
            return Err(A::Error::custom("neither a state nor a plan"));
        }
        Ok(())
    }
}
