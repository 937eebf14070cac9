//! Section "Requests": what kubeknock requests, and how it checks the answers.

use std::path::PathBuf;

use clap::Args;
use kubeknock::config::{self, RunId, ScanHeader};

use crate::units;

#[derive(Debug, Args)]
#[command(next_help_heading = "Requests")]
pub(crate) struct RequestArgs {
    /// Also request this path. Repeatable
    ///
    /// A list of resources (/api/v1/secrets) is requested by HEAD with limit=1. That shows, without
    /// reading data, whether anonymous callers may list it. Single objects and sub-resources are
    /// not allowed.
    #[arg(long, value_name = "PATH", hide_short_help = true)]
    pub(crate) path: Vec<String>,

    /// Also request paths that show real exposure, without reading data
    ///
    /// Discovery, health, the first bytes of metrics and OpenAPI, paths that products open on purpose,
    /// and whether anonymous callers may list twenty kinds of resources (HEAD with limit=1). A host
    /// name gets one more handshake without SNI. Only servers that look like Kubernetes get these
    /// requests.
    #[arg(long)]
    pub(crate) deep: bool,

    /// Check serving certificates against this CA. Repeatable
    ///
    /// PEM, or its base64 from a kubeconfig (certificate-authority-data). Shows whether the right server
    /// answers or something in between. A mismatch is a finding and stops nothing.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(crate) ca_file: Vec<PathBuf>,

    /// User-Agent to send [default: kubeknock/VERSION (unauthenticated Kubernetes API check)]
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    pub(crate) user_agent: Option<String>,

    /// Contact for questions about this scan; added to the User-Agent
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    pub(crate) contact: Option<String>,

    /// Add a header to every request, such as "X-Scan-Id: 42". Repeatable
    ///
    /// For owners of servers, firewalls and audits. The name must begin with X-Scan-; the value is in the report.
    #[arg(long, value_name = "X-Scan-NAME: VALUE", hide_short_help = true)]
    pub(crate) header: Vec<ScanHeader>,

    /// Name of this run, by which its requests are found in audit logs [default: random]
    ///
    /// The User-Agent has it after the product, and the report too: kubeknock/VERSION (run ID; ...). Up to 36 letters,
    /// digits, hyphens, underscores and dots. With --user-agent there is no ID unless an option asks for one.
    #[arg(long, value_name = "ID", hide_short_help = true)]
    pub(crate) run_id: Option<RunId>,

    /// Send an Audit-ID of our own with each request
    ///
    /// API servers write it to their audit log. It is made from the run ID and the request, so that each is different.
    #[arg(long, hide_short_help = true)]
    pub(crate) audit_id: bool,

    /// Also request a path that no server has, to find it in audit logs
    ///
    /// GET /kubeknock-audit-ID, once for each server that looks like Kubernetes. Audit policies that leave out
    /// /version and /healthz still log it. It is no part of the verdict. See kubeknock audit.
    #[arg(long, hide_short_help = true)]
    pub(crate) audit_canary: bool,

    /// How many bytes of a response body to read
    #[arg(long, value_name = "SIZE", default_value = units::shown_bytes(config::MAX_BODY), value_parser = units::bytes, hide_short_help = true)]
    pub(crate) max_body: usize,

    /// Offer HTTP/2
    ///
    /// API servers from 1.29 close an HTTP/2 connection after each anonymous answer, so this costs a
    /// connection per request.
    #[arg(long, hide_short_help = true)]
    pub(crate) http2: bool,

    /// Make each request only after the answer to the one before it
    ///
    /// Without it, requests leave together, and are repeated one at a time unless each answer is certainly an API
    /// server's answer to its request.
    #[arg(long, hide_short_help = true)]
    pub(crate) one_at_a_time: bool,
}
