//! The explanation of an endpoint: what answered, which product it is, what it should answer, and the evidence for
//! each statement.
//!
//! Text from the network is escaped and cut. Each line is one statement, so `grep` works on it.

use std::io::{self, Write};

use jiff::civil::Date;
use jiff::tz::Offset;

use super::escape::escape;
use super::phrases;
use crate::kubernetes::Support;
use crate::model::{
    Access, Certificate, Clue, Confidence, EndpointReport, Handshake, Identification,
    JudgedRequest, Mark, Posture, Product, Signature, Trust,
};

/// Characters of a text from outside.
const MAX_TEXT: usize = 400;
/// Characters of a remedy.
const REMEDY: usize = 1000;

fn shown(text: &str) -> String {
    escape(text, MAX_TEXT)
}

/// Writes the explanation of one endpoint.
pub fn write(out: &mut dyn Write, report: &EndpointReport) -> io::Result<()> {
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
        version(&mut out, identification, day_of_scan(report))?;
    }
    if let Some(expected) = &report.posture {
        posture(&mut out, expected)?;
    }
    requests(&mut out, &report.requests)?;
    for request in &report.not_asked {
        writeln!(
            out,
            "  {:4} -   {:9} {}",
            request.method.as_str(),
            "not asked",
            shown(&request.path)
        )?;
    }
    remedy(&mut out, report)?;
    tls(&mut out, report)?;
    out.flush()
}

/// The day of the first request.
fn day_of_scan(report: &EndpointReport) -> Option<Date> {
    report
        .requests
        .first()
        .map(|request| Offset::UTC.to_datetime(request.exchange.at).date())
}

fn component(out: &mut impl Write, identification: &Identification) -> io::Result<()> {
    let Identification {
        component,
        confidence,
        through_front,
        clues,
        ..
    } = identification;
    let front = if *through_front {
        ", through something in front"
    } else {
        ""
    };
    writeln!(
        out,
        "\nWhat answered: {component}{front} (confidence {})",
        confidence.as_str()
    )?;
    if clues.is_empty() {
        writeln!(out, "  nothing was seen that says more")?;
    }
    for Clue { kind, seen } in clues {
        writeln!(out, "  {:20} {}", kind.as_str(), shown(seen))?;
    }
    Ok(())
}

fn product_names(products: &[Product]) -> String {
    products
        .iter()
        .map(|product| shown(&product.name))
        .collect::<Vec<_>>()
        .join(", ")
}

fn product(out: &mut impl Write, identification: &Identification) -> io::Result<()> {
    let attribution = &identification.attribution;
    let confidence = attribution
        .confidence
        .map(Confidence::as_str)
        .unwrap_or_default();
    match &attribution.product {
        Some(product) => {
            writeln!(
                out,
                "\nWhose it is: {} (confidence {confidence})",
                shown(&product.name)
            )?;
            if !attribution.others.is_empty() {
                writeln!(
                    out,
                    "  cannot be told from: {}",
                    product_names(&attribution.others)
                )?;
            }
        }
        None if attribution.others.is_empty() => {
            return writeln!(
                out,
                "\nWhose it is: unknown, nothing names a distribution or service"
            );
        }
        None => {
            writeln!(
                out,
                "\nWhose it is: cannot tell, because the signs fit these as well as each other"
            )?;
            writeln!(out, "  {}", product_names(&attribution.others))?;
        }
    }
    for (title, marks) in [
        ("for", &attribution.marks),
        ("against", &attribution.against),
    ] {
        for mark in marks {
            writeln!(out, "  {title:8} {}", evidence(mark, &identification.clues))?;
        }
    }
    Ok(())
}

/// `CN=kubernetes (serving-certificate): kubeadm, family, documented: Kubernetes PKI … (https://…)`.
fn evidence(mark: &Mark, clues: &[Clue]) -> String {
    let Mark {
        product,
        clue,
        seen,
        specificity,
        known,
        source,
    } = mark;
    let place = clues
        .get(*clue)
        .map(|clue| clue.kind.as_str())
        .unwrap_or_default();
    let seen = if seen.is_empty() { "no CA named" } else { seen };
    let (specificity, known) = (specificity.as_str(), known.as_str());
    format!(
        "{} ({place}): {}, {specificity}, {known}: {}",
        shown(seen),
        shown(product),
        shown(source)
    )
}

fn version(
    out: &mut impl Write,
    identification: &Identification,
    on: Option<Date>,
) -> io::Result<()> {
    let Some(version) = &identification.version else {
        return writeln!(out, "\nVersion: not shown");
    };
    let until = match identification.support(on) {
        Support::Until(date) => format!("maintained upstream until {date}"),
        Support::Ended(Some(date)) => {
            format!("end of life upstream since {date}; a vendor may maintain it longer")
        }
        Support::Ended(None) => "end of life upstream; a vendor may maintain it longer".to_owned(),
        Support::Unknown => "not in the table of upstream releases".to_owned(),
    };
    writeln!(out, "\nVersion: {} ({until})", shown(version))
}

fn posture(out: &mut impl Write, posture: &Posture) -> io::Result<()> {
    writeln!(
        out,
        "\nAgainst the documented posture: {}",
        posture.standing.as_str()
    )?;
    writeln!(out, "  {}", shown(&posture.sentence))?;
    if !posture.expected.is_empty() {
        let expected: Vec<&str> = posture
            .expected
            .iter()
            .map(|verdict| verdict.as_str())
            .collect();
        writeln!(
            out,
            "  expected {} ({})",
            expected.join(" or "),
            posture.known.as_str()
        )?;
    }
    if !posture.source.is_empty() {
        writeln!(out, "  source   {}", shown(&posture.source))?;
    }
    Ok(())
}

fn requests(out: &mut impl Write, requests: &[JudgedRequest]) -> io::Result<()> {
    if requests.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nAsked")?;
    for JudgedRequest { exchange, access } in requests {
        let request = &exchange.request;
        let status = exchange
            .outcome
            .as_ref()
            .map_or_else(|_| "-".to_owned(), |reply| reply.status.to_string());
        let why = match access {
            Access::Unclear(unclear) => format!(": {unclear}"),
            Access::Failed(failure) => format!(": {}", shown(&failure.to_string())),
            _ => String::new(),
        };
        writeln!(
            out,
            "  {:4} {:3} {:9} {}{why}",
            request.method.as_str(),
            status,
            access.as_str(),
            shown(&request.path)
        )?;
    }
    Ok(())
}

fn remedy(out: &mut impl Write, report: &EndpointReport) -> io::Result<()> {
    let Some(remedy) = &report.remedy else {
        return Ok(());
    };
    writeln!(out, "\nRemedy")?;
    writeln!(
        out,
        "  {}",
        escape(&phrases::remedy_text(&remedy.text), REMEDY)
    )?;
    for (title, url) in [
        ("more", &remedy.url),
        ("who can reach it", &remedy.network_url),
    ] {
        if let Some(url) = url {
            writeln!(out, "  {title}: {}", shown(url))?;
        }
    }
    Ok(())
}

fn tls(out: &mut impl Write, report: &EndpointReport) -> io::Result<()> {
    let Some(tls) = &report.tls else {
        return Ok(());
    };
    writeln!(
        out,
        "\nTLS: {}, {}",
        shown(&tls.version),
        shown(&tls.cipher)
    )?;
    handshake(out, tls)?;
    match &report.without_sni {
        Some(Ok(other))
            if other.certificate == tls.certificate
                && other.client_ca_names == tls.client_ca_names =>
        {
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
        writeln!(out, "  subject  {}", shown(subject))?;
        writeln!(out, "  issuer   {}", shown(issuer))?;
        writeln!(out, "  names    {}", shown(&sans.kept.join(", ")))?;
        let day = |at: &Option<jiff::Timestamp>| {
            at.map_or_else(
                || "?".to_owned(),
                |at| Offset::UTC.to_datetime(at).date().to_string(),
            )
        };
        writeln!(
            out,
            "  valid    {} to {}, {}",
            day(not_before),
            day(not_after),
            shown(key)
        )?;
    }
    match &tls.trust {
        Some(Trust::Anchored { by }) => {
            writeln!(
                out,
                "  CA file  the chain ends at {}, which was given",
                shown(by)
            )?;
        }
        Some(Trust::NotAnchored { why }) => {
            writeln!(
                out,
                "  CA file  {}: another server, or something in between",
                shown(why)
            )?;
        }
        Some(Trust::NotChecked { why }) => {
            writeln!(
                out,
                "  CA file  the chain could not be checked: {}",
                shown(why)
            )?;
        }
        None => {}
    }
    match &tls.signature {
        Signature::Valid => {}
        Signature::Invalid => {
            writeln!(
                out,
                "  signature does not prove that the peer holds the certificate's key"
            )?;
        }
        Signature::NotChecked { why } => {
            writeln!(out, "  signature could not be checked: {}", shown(why))?;
        }
    }
    if tls.client_certificate_requested {
        let names = tls.client_ca_names.kept.join("; ");
        let names = if names.is_empty() {
            "none named".to_owned()
        } else {
            shown(&names)
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
            super::write(&mut out, report).unwrap();
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
        assert!(super::write(&mut sample::Full, &sample.reports[0]).is_err());
    }
}
