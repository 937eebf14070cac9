//! Audit logs and audit policies: what an API server writes about requests without credentials.

pub mod policy;
