//! Facts about Kubernetes: its bodies, paths, header marks and releases.
//!
//! Nothing here depends on a scan. Facts about single products are in `products`.

mod answer;
mod attributes;
mod body;
mod headers;
mod json;
mod marks;
mod minor;
mod path;
mod product_body;
mod refusal;
mod release;
mod status;
mod version;

pub use answer::Answer;
pub use attributes::{Attributes, ResourceAttributes};
pub(crate) use headers::Headers;
pub use marks::HeaderMarks;
pub(crate) use marks::{AUDIT_ID, FLOW_CONTROL, is_json, media_type};
pub use minor::{Minor, NoMinor};
pub use path::{PathClass, PathError};
pub use product_body::ProductBody;
pub(crate) use refusal::Refusal;
pub use release::Support;
pub use status::Status;
pub(crate) use status::{GO_NOT_FOUND, UNAUTHORIZED};
pub use version::VersionInfo;
