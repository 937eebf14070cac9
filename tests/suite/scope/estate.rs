//! A network namespace in which every address answers: servers that record every request byte by byte, and a name
//! server.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::proto::serialize::binary::{BinDecodable, BinEncodable};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;

use crate::byhand::{acceptor_of, audit_id};

/// An address outside the scope, to which every server response points.
pub(super) const ELSEWHERE: &str = "198.51.100.66";
/// The ports that answer on every address. Other ports refuse, which the capture sees, too.
pub(super) const PORTS: [u16; 7] = [6443, 443, 8443, 9443, 8080, 80, 3128];

/// The received requests by server, and what came besides.
pub(super) type Asked = Arc<Mutex<BTreeMap<SocketAddr, Vec<String>>>>;

/// Starts a server on every address, at [`PORTS`].
pub(super) async fn serve() -> Asked {
    let asked = Asked::default();
    let acceptor = acceptor();
    for port in PORTS {
        let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
            .await
            .unwrap();
        let (asked, acceptor) = (Arc::clone(&asked), acceptor.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(greet(stream, acceptor.clone(), Arc::clone(&asked)));
            }
        });
    }
    asked
}

/// Serves TLS to TLS clients, a tunnel to clients that request one, and plain HTTP to others.
async fn greet(mut stream: TcpStream, acceptor: TlsAcceptor, asked: Asked) {
    let local = stream.local_addr().unwrap();
    let me = SocketAddr::new(local.ip().to_canonical(), local.port());
    let mut first = [0];
    if stream.peek(&mut first).await.is_err() {
        return;
    }
    if &first == b"C" {
        // The proxy plays every destination itself, so it sends no packets of its own.
        let Some(head) = head(&mut stream, &mut Vec::new()).await else {
            return;
        };
        asked.lock().unwrap().entry(me).or_default().push(head);
        let _ = stream
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await;
        let _ = stream.peek(&mut first).await;
    }
    if first == [0x16] {
        if let Ok(stream) = acceptor.accept(stream).await {
            answer(stream, me, &asked).await;
        }
    } else {
        answer(stream, me, &asked).await;
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, me: SocketAddr, asked: &Asked) {
    let mut received = Vec::new();
    while let Some(head) = head(&mut stream, &mut received).await {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        asked.lock().unwrap().entry(me).or_default().push(head);
        let (reply, close) = reply(me, &path);
        if stream.write_all(reply.as_bytes()).await.is_err() || close {
            break;
        }
    }
    let _ = stream.shutdown().await;
    // Bytes that were not read would make the kernel reset the connection, and the last answer might be lost.
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

/// The next request, up to its empty line: no request has a body. `received` keeps what came behind it. At the end, what
/// is no request counts as one, so that it is not missed.
async fn head(stream: &mut (impl AsyncRead + Unpin), received: &mut Vec<u8>) -> Option<String> {
    let end = loop {
        let empty_line = received.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(at) = empty_line {
            break at + 4;
        }
        if !matches!(stream.read_buf(received).await, Ok(1..)) {
            break received.len();
        }
    };
    let head: Vec<u8> = received.drain(..end).collect();
    (!head.is_empty()).then(|| String::from_utf8(head).unwrap())
}

/// A default cluster. Every third address redirects instead, and every seventh closes. All point out of the scope in
/// every header that a client might follow.
fn reply(me: SocketAddr, path: &str) -> (String, bool) {
    let number = match me.ip() {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(v6) => v6.octets()[15],
    };
    let forbidden = format!(
        r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"forbidden: User \"system:anonymous\" cannot get path \"{path}\"","reason":"Forbidden","code":403}}"#
    );
    let version = r#"{"major":"1","minor":"34","gitVersion":"v1.34.1"}"#;
    let (status, media, body) = match path.rsplit_once("/version").map_or(path, |_| "/version") {
        _ if number.is_multiple_of(3) => ("302 Found", "text/html", ""),
        "/version" => ("200 OK", "application/json", version),
        "/healthz" | "/livez" | "/readyz" => ("200 OK", "text/plain", "ok"),
        _ => ("403 Forbidden", "application/json", forbidden.as_str()),
    };
    let close = number.is_multiple_of(7);
    let head = [
        format!("HTTP/1.1 {status}"),
        format!("Content-Type: {media}"),
        format!("Content-Length: {}", body.len()),
        audit_id().trim_end().to_owned(),
        "X-Content-Type-Options: nosniff".to_owned(),
        "X-Kubernetes-Pf-Flowschema-Uid: f".to_owned(),
        "X-Kubernetes-Pf-Prioritylevel-Uid: p".to_owned(),
        format!("Location: https://{ELSEWHERE}/login"),
        format!("Content-Location: https://{ELSEWHERE}/"),
        format!("Refresh: 0; url=https://{ELSEWHERE}/"),
        format!("Link: <https://{ELSEWHERE}/a.js>; rel=preload"),
        format!("Alt-Svc: h2=\"{ELSEWHERE}:443\"; ma=86400"),
        format!("Report-To: {{\"endpoints\":[{{\"url\":\"https://{ELSEWHERE}/\"}}]}}"),
        "Strict-Transport-Security: max-age=31536000; includeSubDomains".to_owned(),
        format!("Connection: {}", if close { "close" } else { "keep-alive" }),
    ];
    (format!("{}\r\n\r\n{body}", head.join("\r\n")), close)
}

/// Requests a client certificate, and serves a certificate that names URLs for more information.
fn acceptor() -> TlsAcceptor {
    let mut params = CertificateParams::new(vec!["kubernetes.default.svc".to_owned()]).unwrap();
    params.custom_extensions.push(information_access());
    params
        .crl_distribution_points
        .push(rcgen::CrlDistributionPoint {
            uris: vec![format!("http://{ELSEWHERE}/ca.crl")],
        });
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    acceptor_of(vec![certificate.der().clone()], &key, &[])
}

/// Authority information access (RFC 5280, section 4.2.2.1): an OCSP responder and the certificate of the issuer.
fn information_access() -> CustomExtension {
    let der =
        |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    let access = |method: u8| {
        let method = der(0x06, &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, method]);
        let place = der(0x86, format!("http://{ELSEWHERE}/").as_bytes());
        der(0x30, &[method, place].concat())
    };
    let content = der(0x30, &[access(1), access(2)].concat());
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content)
}

/// The zone of the name server.
pub(super) struct Names {
    /// Names and their addresses.
    pub(super) addresses: Vec<(&'static str, Vec<IpAddr>)>,
    /// Aliases and their targets.
    pub(super) aliases: Vec<(&'static str, &'static str)>,
}

/// Serves at this address and records which names were queried.
pub(super) async fn name_server(address: SocketAddr, names: Names) -> Arc<Mutex<BTreeSet<String>>> {
    let socket = UdpSocket::bind(address).await.unwrap();
    let asked = Arc::<Mutex<BTreeSet<String>>>::default();
    let note = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let query = Message::from_bytes(&buffer[..length]).unwrap();
            note.lock()
                .unwrap()
                .insert(query.queries[0].name().to_ascii().to_lowercase());
            let _ = socket
                .send_to(&names.answer(&query).to_bytes().unwrap(), from)
                .await;
        }
    });
    asked
}

impl Names {
    fn answer(&self, query: &Message) -> Message {
        let asked = query.queries[0].clone();
        let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
        reply.add_query(asked.clone());
        let mut name = asked
            .name()
            .to_ascii()
            .to_lowercase()
            .trim_end_matches('.')
            .to_owned();
        if let Some((from, to)) = self.aliases.iter().find(|(from, _)| *from == name) {
            let absolute = |name: &str| Name::from_ascii(format!("{name}.")).unwrap();
            let alias = RData::CNAME(CNAME(absolute(to)));
            reply.add_answer(Record::from_rdata(absolute(from), 60, alias));
            (*to).clone_into(&mut name);
        }
        let Some((_, addresses)) = self.addresses.iter().find(|(known, _)| *known == name) else {
            reply.metadata.response_code = ResponseCode::NXDomain;
            return reply;
        };
        let owner = Name::from_ascii(format!("{name}.")).unwrap();
        for address in addresses {
            let data = match (address, asked.query_type()) {
                (IpAddr::V4(v4), RecordType::A) => RData::A(A(*v4)),
                (IpAddr::V6(v6), RecordType::AAAA) => RData::AAAA(AAAA(*v6)),
                _ => continue,
            };
            reply.add_answer(Record::from_rdata(owner.clone(), 60, data));
        }
        reply
    }
}

/// `192.0.2.7` and its like.
pub(super) fn v4(text: &str) -> IpAddr {
    IpAddr::V4(text.parse::<Ipv4Addr>().unwrap())
}

/// `2001:db8::1` and its like.
pub(super) fn v6(text: &str) -> IpAddr {
    IpAddr::V6(text.parse::<Ipv6Addr>().unwrap())
}
