//! The explanation of an endpoint: what answered, which product it is, how it should answer, and the evidence for
//! each statement.
//!
//! Text from the network is escaped and cut. Each line is one statement, so `grep` works on it.

use std::io::{self, Write};

use jiff::civil::Date;

use super::escape::escape;
use super::phrases;
use crate::config::ScanHeader;
use crate::kubernetes::Support;
use crate::model::{
    Attribution, Certificate, Clue, Confidence, EndpointReport, Handshake, Identification,
    JudgedRequest, Posture, Product, ProductMark, Remedy, Signature, Trust, curl,
};

/// Characters of a text from outside.
const MAX_TEXT: usize = 400;
/// Characters of a command.
const MAX_LINE: usize = 2000;
/// Characters of a remediation, which is shown whole.
const MAX_REMEDIATION: usize = 10_000;

fn shown(text: &str) -> String {
    escape(text, MAX_TEXT)
}

/// Writes the explanation of one endpoint. `headers` are those that were added to every request.
pub fn write(
    out: &mut dyn Write,
    report: &EndpointReport,
    headers: &[ScanHeader],
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let place = match &report.endpoint {
        Some(endpoint) => endpoint.to_string(),
        None => report.target.to_string(),
    };
    writeln!(out, "{}", shown(&place))?;
    writeln!(out, "  {}: {}", report.verdict, shown(&report.reason))?;
    if let Some(identification) = &report.identification {
        component(&mut out, identification)?;
        product(&mut out, identification)?;
        version(&mut out, identification, report.day())?;
    }
    if let Some(expected) = &report.posture {
        posture(&mut out, expected)?;
    }
    if !report.compared.is_empty() {
        writeln!(out, "\nCompared with the inventory")?;
    }
    for compared in &report.compared {
        let (fact, sentence) = (compared.fact.phrase(), shown(&compared.sentence));
        writeln!(out, "  {fact}: {sentence}")?;
    }
    requests(&mut out, &report.requests)?;
    if let Some(why) = report.one_at_a_time {
        writeln!(out, "  asked one at a time: {}", why.text())?;
    }
    for request in &report.not_asked {
        let (method, path) = (request.method.as_str(), shown(&request.path));
        writeln!(out, "  {method:4} -   not asked {path}")?;
    }
    if let Some(line) = curl_line(report, headers) {
        writeln!(out, "\nSee it yourself\n  {}", escape(&line, MAX_LINE))?;
    }
    if let Some(known) = &report.remedy {
        remedy(&mut out, known)?;
    }
    tls(&mut out, report)?;
    out.flush()
}

fn component(out: &mut impl Write, identification: &Identification) -> io::Result<()> {
    let Identification {
        component,
        confidence,
        clues,
        ..
    } = identification;
    let confidence = confidence.as_str();
    let front = if identification.through_front {
        ", through a front end"
    } else {
        ""
    };
    writeln!(
        out,
        "\nWhat answered: {component}{front} (confidence {confidence})"
    )?;
    if clues.is_empty() {
        writeln!(out, "  no further evidence")?;
    }
    for Clue { kind, seen } in clues {
        writeln!(out, "  {:20} {}", kind.as_str(), shown(seen))?;
    }
    Ok(())
}

fn product_names(products: &[Product]) -> String {
    let names: Vec<String> = (products.iter())
        .map(|product| shown(&product.name))
        .collect();
    names.join(", ")
}

fn product(out: &mut impl Write, identification: &Identification) -> io::Result<()> {
    let Attribution {
        product,
        confidence,
        others,
        marks,
        against,
    } = &identification.attribution;
    let others_named = product_names(others);
    match product {
        Some(product) => {
            let name = shown(&product.name);
            let confidence = confidence.map(Confidence::as_str).unwrap_or_default();
            writeln!(out, "\nProduct: {name} (confidence {confidence})")?;
            if !others.is_empty() {
                writeln!(out, "  could also be: {others_named}")?;
            }
        }
        None if others.is_empty() => {
            let reason = "nothing names a distribution or service";
            return writeln!(out, "\nProduct: unknown, because {reason}");
        }
        None => {
            let reason = "the evidence fits these equally well";
            writeln!(
                out,
                "\nProduct: unknown, because {reason}\n  {others_named}"
            )?;
        }
    }
    for (title, marks) in [("for", marks), ("against", against)] {
        for mark in marks {
            writeln!(out, "  {title:8} {}", evidence(mark, &identification.clues))?;
        }
    }
    Ok(())
}

/// `CN=kubernetes (serving-certificate): kubeadm, family, documented: Kubernetes PKI … (https://…)`.
fn evidence(mark: &ProductMark, clues: &[Clue]) -> String {
    let place = clues.get(mark.clue).map(|clue| clue.kind.as_str());
    let place = place.unwrap_or_default();
    let seen = match &*mark.seen {
        "" => "no CA named".to_owned(),
        seen => shown(seen),
    };
    let (product, source) = (shown(&mark.product), shown(&mark.source));
    let (specificity, provenance) = (mark.specificity.as_str(), mark.known.as_str());
    format!("{seen} ({place}): {product}, {specificity}, {provenance}: {source}")
}

fn version(
    out: &mut impl Write,
    identification: &Identification,
    on: Option<Date>,
) -> io::Result<()> {
    let Some(version) = identification.version.as_deref().map(shown) else {
        return writeln!(out, "\nVersion: not shown");
    };
    let support = match identification.support(on) {
        Support::Until(date) => format!("maintained upstream until {date}"),
        Support::Ended(Some(date)) => {
            format!("end of life upstream since {date}; a vendor may maintain it longer")
        }
        Support::Ended(None) => "end of life upstream; a vendor may maintain it longer".to_owned(),
        Support::Unknown => "not in the table of upstream releases".to_owned(),
    };
    writeln!(out, "\nVersion: {version} ({support})")?;
    match identification.cpe() {
        Some(cpe) => writeln!(out, "  CPE      {cpe}"),
        None => Ok(()),
    }
}

fn posture(out: &mut impl Write, posture: &Posture) -> io::Result<()> {
    let (status, sentence) = (posture.status.phrase(), shown(&posture.sentence));
    writeln!(
        out,
        "\nCompared with its documentation: {status}\n  {sentence}"
    )?;
    if !posture.expected.is_empty() {
        let expected: Vec<&str> = (posture.expected.iter())
            .map(|verdict| verdict.as_str())
            .collect();
        let (expected, provenance) = (expected.join(" or "), posture.known.as_str());
        writeln!(out, "  expected {expected} ({provenance})")?;
    }
    if !posture.source.is_empty() {
        writeln!(out, "  source   {}", shown(&posture.source))?;
    }
    Ok(())
}

fn requests(out: &mut impl Write, requests: &[JudgedRequest]) -> io::Result<()> {
    if !requests.is_empty() {
        writeln!(out, "\nAsked")?;
    }
    for JudgedRequest { exchange, access } in requests {
        let status = match &exchange.outcome {
            Ok(reply) => reply.status.to_string(),
            Err(_) => "-".to_owned(),
        };
        let reason = phrases::access_reason(access);
        let reason = reason.map(|reason| format!(": {}", shown(&reason)));
        let method = exchange.request.method.as_str();
        let path = shown(&exchange.request.path);
        writeln!(
            out,
            "  {method:4} {status:3} {:9} {path}{}",
            access.as_str(),
            reason.unwrap_or_default()
        )?;
    }
    Ok(())
}

/// The command that repeats the request for the worst open path, or else the first request with an answer.
fn curl_line(report: &EndpointReport, headers: &[ScanHeader]) -> Option<String> {
    let worst = report
        .grants
        .first()
        .and_then(|grant| report.requests.get(grant.request));
    let mut answered = report
        .requests
        .iter()
        .filter(|request| request.reply().is_some());
    let request = worst.or_else(|| answered.next())?;
    let headers: Vec<String> = headers.iter().map(ToString::to_string).collect();
    let endpoint = report.endpoint.as_ref()?;
    Some(curl(endpoint, &request.exchange.request, &headers))
}

fn remedy(out: &mut impl Write, remedy: &Remedy) -> io::Result<()> {
    writeln!(out, "\nHow to fix it")?;
    let lines = phrases::remediation_lines(&remedy.remediation, MAX_REMEDIATION);
    let network = remedy.network_url.as_deref();
    let network = network.map(|url| format!("Who can reach it: {url}"));
    for line in lines.into_iter().chain(network) {
        writeln!(out, "  {}", escape(&line, MAX_REMEDIATION))?;
    }
    Ok(())
}

fn tls(out: &mut impl Write, report: &EndpointReport) -> io::Result<()> {
    let Some(tls) = &report.tls else {
        return Ok(());
    };
    let (version, cipher) = (shown(&tls.version), shown(&tls.cipher));
    writeln!(out, "\nTLS: {version}, {cipher}")?;
    handshake(out, tls)?;
    let is_equal = |other: &Handshake| {
        other.certificate == tls.certificate && other.client_ca_names == tls.client_ca_names
    };
    match &report.without_sni {
        Some(Ok(other)) if is_equal(other) => {
            writeln!(out, "  without SNI: the same certificate and CA names")
        }
        Some(Ok(other)) => {
            writeln!(out, "  without SNI:")?;
            handshake(out, other)
        }
        Some(Err(failure)) => writeln!(out, "  without SNI: {}", shown(&failure.to_string())),
        None => Ok(()),
    }
}

fn handshake(out: &mut impl Write, tls: &Handshake) -> io::Result<()> {
    if let Some(Certificate {
        subject,
        issuer,
        sans,
        not_before,
        not_after,
        key,
        ..
    }) = &tls.certificate
    {
        let (begin, end) = (phrases::day(*not_before), phrases::day(*not_after));
        writeln!(out, "  subject  {}", shown(subject))?;
        writeln!(out, "  issuer   {}", shown(issuer))?;
        writeln!(out, "  names    {}", shown(&sans.kept.join(", ")))?;
        writeln!(out, "  valid    {begin} to {end}, {}", shown(key))?;
    }
    let chain = tls.trust.as_ref().map(|trust| match trust {
        Trust::Anchored { by } => format!("the chain ends at {}, which was given", shown(by)),
        Trust::NotAnchored { why } => {
            format!("{}: another server, or something in between", shown(why))
        }
        Trust::NotChecked { why } => format!("the chain could not be checked: {}", shown(why)),
    });
    if let Some(chain) = chain {
        writeln!(out, "  CA file  {chain}")?;
    }
    let signature = match &tls.signature {
        Signature::Valid => None,
        Signature::Invalid => {
            Some("does not prove that the peer holds the certificate's key".to_owned())
        }
        Signature::NotChecked { why } => Some(format!("could not be checked: {}", shown(why))),
    };
    if let Some(signature) = signature {
        writeln!(out, "  signature {signature}")?;
    }
    if tls.client_certificate_requested {
        let names = match tls.client_ca_names.kept.as_slice() {
            [] => "none named".to_owned(),
            names => shown(&names.join("; ")),
        };
        writeln!(out, "  asks for a client certificate by: {names}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::escape::hidden;
    use super::super::sample;

    fn explained(sample: &sample::Sample) -> String {
        let mut out = Vec::new();
        for report in &sample.reports {
            super::write(&mut out, report, &[]).unwrap();
            out.extend(b"\n----\n");
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_way_a_record_can_look() {
        insta::assert_snapshot!(explained(&sample::mixed()));
    }

    #[test]
    fn hostile_text_has_no_effect() {
        let text = explained(&sample::hostile());
        assert!(!text.chars().any(|c| c != '\n' && hidden(c)), "{text:?}");
    }

    #[test]
    fn a_writer_that_fails_is_an_error() {
        let sample = sample::mixed();
        assert!(super::write(&mut sample::Full, &sample.reports[0], &[]).is_err());
    }
}
