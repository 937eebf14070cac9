//! What all probes of a scan share: TLS settings, limits and the list of requests.

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::connection::own_headers;
use super::handshake;
use super::requests::{AFTER_401, ALWAYS, deep};
use super::response::Keep;
use crate::config::{RunId, ScanConfig};
use crate::error::Error;
use crate::kubernetes::AUDIT_ID;
use crate::model::{Endpoint, Observation, Request};

/// Probes endpoints as configured.
pub struct Prober {
    pub(super) tls: handshake::Client,
    own_headers: HeaderMap,
    /// The id that each request's `Audit-ID` is made from; `None` without `--audit-id`.
    audit_id: Option<RunId>,
    pub(super) max_body: usize,
    pub(super) timeout: Duration,
    pub(super) retries: u32,
    pub(super) http2: bool,
    /// Whether requests may leave together.
    pub(super) pipelining: bool,
    pub(super) keep_answers: bool,
    pub(super) always: Vec<Request>,
    pub(super) after_401: Vec<Request>,
    pub(super) extra: Vec<Request>,
    /// Empty without `--deep`.
    pub(super) deep: Vec<Request>,
    /// The request of `--audit-canary`.
    pub(super) canary: Option<Request>,
}

impl Prober {
    /// What is kept of the answer to this request. The body of a list is data of the cluster.
    pub(super) const fn keep(&self, request: &Request) -> Keep {
        match (self.keep_answers, request.class.is_list()) {
            (false, _) => Keep::Nothing,
            (true, true) => Keep::Head,
            (true, false) => Keep::Answer,
        }
    }

    /// The headers of a request that is sent at this time.
    pub(super) fn headers(
        &self,
        endpoint: &Endpoint,
        request: &Request,
        at: Timestamp,
    ) -> Cow<'_, HeaderMap> {
        let Some(run_id) = &self.audit_id else {
            return Cow::Borrowed(&self.own_headers);
        };
        let mut headers = self.own_headers.clone();
        if let Ok(id) = HeaderValue::from_str(&run_id.audit_id(endpoint, request, at)) {
            headers.insert(AUDIT_ID, id);
        }
        Cow::Owned(headers)
    }

    /// Records whether the chain ends at one of the CAs that an inventory declares.
    pub fn check_authorities(&self, observation: &mut Observation, authorities: &[Box<[u8]>]) {
        if let Some(handshake) = &mut observation.tls
            && !authorities.is_empty()
        {
            let trust = self
                .tls
                .declared_trust(&observation.chain, handshake, authorities);
            handshake.declared_trust = Some(trust);
        }
    }

    /// Creates a prober from the configuration.
    ///
    /// # Errors
    /// [`Error::Tls`] if the TLS library rejects its settings, [`Error::Config`] for a user agent
    /// that is not a valid header value.
    pub fn new(config: &ScanConfig) -> Result<Self, Error> {
        let requests = |paths: &[&str]| {
            paths
                .iter()
                .filter_map(|path| Request::for_path(path).ok())
                .collect()
        };
        let user_agent =
            HeaderValue::from_str(&config.sent_user_agent()).map_err(|_| Error::Config {
                setting: "user-agent",
                problem: "must be one line of printable characters".into(),
            })?;
        Ok(Self {
            tls: handshake::Client::new(config)?,
            own_headers: own_headers(&user_agent, &config.headers),
            audit_id: config.run_id.clone().filter(|_| config.audit_id),
            max_body: config.max_body,
            timeout: config.timeout,
            retries: config.retries,
            http2: config.http2,
            pipelining: !config.one_at_a_time,
            keep_answers: config.keep_answers,
            always: requests(&ALWAYS),
            after_401: requests(&AFTER_401),
            extra: config.requests.clone(),
            deep: if config.deep {
                deep().collect()
            } else {
                Vec::new()
            },
            canary: (config.run_id.as_ref().filter(|_| config.audit_canary))
                .and_then(|run_id| Request::for_path(&run_id.canary_path()).ok()),
        })
    }
}
