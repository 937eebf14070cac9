//! The entries of cluster inventories. An entry has what a target line can say, and what the inventory declares.

use std::fs::File;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ipnet::IpNet;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::imported::{Entry, Handler, ImportedLine};
use super::lines::spec;
use crate::host_port::HostPort;
use crate::input;
use crate::model::{Declared, DeclaredEndpoint, NotAskedReason, Source, short};
use crate::targets::error::Problem;

/// The largest inventory that is read, in bytes.
pub(super) const MAX_SIZE: u32 = 512 * 1024 * 1024;
/// The most networks that are kept of one cluster; the services allow fewer.
const MAX_NETWORKS: usize = 1024;
/// The most CA certificates that are kept of one cluster.
const MAX_AUTHORITIES: usize = 16;
/// The longest CA bundle that is read, in bytes.
const MAX_BUNDLE: u32 = 256 * 1024;

impl Entry {
    /// An entry without an endpoint yet.
    pub(super) fn new(inventory: &str, name: Option<&str>) -> Self {
        let declared = Declared {
            inventory: inventory.into(),
            ..Declared::default()
        };
        Self {
            name: name.and_then(word),
            line: String::new(),
            not_asked: None,
            declared,
            ca_file: None,
            ca_is_damaged: false,
        }
    }

    /// An entry of a managed service, which has the name of its product.
    pub(super) fn managed(product: &str, name: Option<&str>) -> Self {
        let mut entry = Self::new(product, name);
        entry.provider(product);
        entry
    }

    /// The managed service, by the name of its product.
    pub(super) fn provider(&mut self, product: &str) {
        self.declared.provider = Some(product.into());
    }

    pub(super) fn region(&mut self, region: Option<&str>) {
        self.declared.region = region.and_then(short);
    }

    pub(super) fn version(&mut self, version: Option<&str>) {
        self.declared.version = version.and_then(short);
    }

    pub(super) fn label(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.declared.label(key, value);
        }
    }

    /// Its tags; a value that is no text is left out.
    pub(super) fn tags(&mut self, tags: Option<&super::lenient::Texts>) {
        for (key, value) in tags.into_iter().flat_map(|tags| &tags.0) {
            self.declared.label(key, value);
        }
    }

    /// The only networks that may reach it. Those that cannot be read, or are too many, are counted, because their
    /// addresses may be admitted too.
    pub(super) fn networks<'a>(&mut self, networks: impl IntoIterator<Item = &'a str>) {
        let (mut read, mut unread) = (Vec::new(), 0u32);
        for text in networks {
            match network(text.trim()) {
                Some(network) if read.len() < MAX_NETWORKS => read.push(network),
                _ => unread = unread.saturating_add(1),
            }
        }
        self.declared.authorized_networks = Some(read.into());
        self.declared.unread_networks = unread;
        self.declared.admits_provider = Some(false);
    }

    /// Everybody may reach it.
    pub(super) fn admit_everybody(&mut self) {
        self.networks(["0.0.0.0/0", "::/0"]);
    }

    /// Forgets the networks: which of them may reach it counts as not said.
    pub(super) fn no_networks(&mut self) {
        self.declared.authorized_networks = None;
        self.declared.unread_networks = 0;
        self.declared.admits_provider = None;
    }

    /// Whether everybody is admitted, at least of one address family.
    pub(super) fn admits_everybody(&self) -> bool {
        self.declared.admits_all(true) || self.declared.admits_all(false)
    }

    /// The CA certificates in base64, as kubeconfigs and the services' APIs have them.
    pub(super) fn authority(&mut self, data: Option<&str>) {
        let Some(data) = data.filter(|data| !data.trim().is_empty()) else {
            return;
        };
        if data.len() <= MAX_BUNDLE as usize {
            let data: Vec<u8> = (data.bytes())
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect();
            let pem = BASE64_STANDARD.decode(data).unwrap_or_default();
            self.declared.authorities = authorities(&pem);
        }
        self.ca_is_damaged = self.declared.authorities.is_empty();
    }

    /// The proxy that it is reached through, without user information. A port that is left out is the one that Go
    /// takes, because `--proxy` has other defaults. A URL that cannot be read is not repeated: it may have a password.
    pub(super) fn proxy(&mut self, url: &str) {
        let proxy = readable_proxy(url);
        self.declared.proxy = short(proxy.as_deref().unwrap_or("(its URL cannot be read)"));
    }

    /// Hands on this cluster, which has these endpoints: hosts or base URLs, all with the same reach. If it has no
    /// endpoint, or if there is another reason not to ask it, it is listed once as not asked.
    pub(super) fn found<T: AsRef<str>>(
        mut self,
        line: u32,
        endpoints: &[T],
        reach: Option<DeclaredEndpoint>,
        not_asked: Option<NotAskedReason>,
        handle: Handler<'_>,
    ) {
        // Who may reach an endpoint that does not exist is not known, even where everybody may by default.
        let reach =
            reach.filter(|reach| !endpoints.is_empty() || *reach != DeclaredEndpoint::Public);
        self.declared.endpoint = reach;
        // For a private endpoint, 0.0.0.0/0 means any private network. It does not let the Internet in.
        if self.admits_everybody()
            && (reach == Some(DeclaredEndpoint::Private) || endpoints.is_empty())
        {
            self.no_networks();
        }
        self.not_asked = not_asked.or(endpoints.is_empty().then_some(NotAskedReason::NoEndpoint));
        let asked = endpoints.len().max(1);
        let asked = if self.not_asked.is_some() { 1 } else { asked };
        for number in 0..asked {
            let mut entry = self.clone();
            let endpoint = endpoints.get(number).map(AsRef::as_ref);
            let text = endpoint.map_or(Ok(String::new()), |endpoint| {
                let has_port = HostPort::split(endpoint).is_ok_and(|split| split.port.is_some());
                let needs_port = !endpoint.contains("://") && !has_port;
                spec(endpoint, needs_port.then_some(443), None)
            });
            handle(
                line,
                text.map(|text| {
                    entry.line = text;
                    ImportedLine::Entry(Box::new(entry))
                }),
            );
        }
    }
}

/// The warning about a CA that cannot be read.
pub(in crate::targets) const NO_AUTHORITY: &str =
    "cannot read the certificate-authority of this cluster: its certificate is not compared";

/// The certificates of a PEM text; none if it has none, or if one is damaged.
fn authorities(pem: &[u8]) -> Arc<[Box<[u8]>]> {
    let certificates = CertificateDer::pem_slice_iter(pem).take(MAX_AUTHORITIES);
    let ders = certificates.map(|certificate| certificate.map(|der| Box::from(&*der)));
    ders.collect::<Result<Vec<_>, _>>()
        .unwrap_or_default()
        .into()
}

/// The CA certificates in a file that an inventory names, relative to its own folder.
pub(in crate::targets) fn ca_bundle(
    source: &Source,
    file: &Path,
) -> Result<Arc<[Box<[u8]>]>, String> {
    let folder = match source {
        Source::File(path) => Path::new(&**path).parent(),
        _ => None,
    };
    let path = folder.map_or_else(|| file.to_owned(), |folder| folder.join(file));
    let is_file = path.metadata().is_ok_and(|file| file.is_file());
    let bytes = File::open(&path).ok().filter(|_| is_file);
    let bytes = bytes.and_then(|file| input::bytes(file, MAX_BUNDLE).ok());
    let found = bytes.map(|bytes| authorities(&bytes));
    found
        .filter(|found| !found.is_empty())
        .ok_or_else(|| NO_AUTHORITY.to_owned())
}

/// The error for an object that has no field of a cluster.
pub(super) fn not_one(cluster: &str, expected: &str) -> Problem {
    format!("an object that is not {cluster}: expected {expected}").into()
}

/// A network, or a single address.
fn network(text: &str) -> Option<IpNet> {
    let address = || Some(IpNet::from(text.parse::<IpAddr>().ok()?));
    text.parse().ok().or_else(address)
}

/// A name as a word of a target line, which white space and control characters would end.
fn word(name: &str) -> Option<String> {
    let is_gap = |c: char| c.is_whitespace() || c.is_control();
    let name = short(name)?;
    let words: Vec<&str> = name.split(is_gap).filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| words.join("-"))
}

/// The part of a path of names after this word: the value of `projects` in `https://…/projects/p/zones/z`.
pub(super) fn after<'a>(path: Option<&'a str>, word: &str) -> Option<&'a str> {
    let mut parts = path?.split('/');
    parts.find(|part| part.eq_ignore_ascii_case(word))?;
    parts.next()
}

/// Whether a host, with or without a port, is an address of a private network.
pub(super) fn is_private(host: &str) -> bool {
    let address = HostPort::split(host).ok().and_then(HostPort::address);
    address.is_some_and(crate::model::is_private)
}

/// The scheme, host and port of a proxy's URL; `None` if it is not clear where its user information ends.
fn readable_proxy(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let scheme = scheme.to_ascii_lowercase();
    let port = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        "socks5" | "socks5h" => ":1080",
        _ => return None,
    };
    let is_of_host = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    if host.is_empty() || path.contains('@') || !host.chars().all(is_of_host) {
        return None;
    }
    let has_port = (host.rsplit_once(':')).is_some_and(|(_, after)| !after.contains(']'));
    let port = if has_port { "" } else { port };
    Some(format!("{scheme}://{host}{port}"))
}
