//! `shadowserver`: the "Accessible Kubernetes API server" report of the Shadowserver Foundation
//! (`scan_kubernetes`), for tools that read it: `IntelMQ`, SIEM imports.
//!
//! It has a row for each endpoint whose `/version` answers 200, as the Foundation's report has. Columns that need
//! other sources (network, country, sector) stay empty. Column names and formats are from
//! The-Shadowserver-Foundation/report_schema at 8e06fb9. Rows end with LF, as in the Foundation's own files.
//!
//! Names of certificates are in columns for their attributes (RFC 4514), each with its value as it is, not escaped.

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;
use std::io;

use csv::Terminator;
use jiff::Timestamp;

use super::spreadsheet::{self, cell};
use crate::kubernetes::{Answer, PathClass, VersionInfo};
use crate::model::{Certificate, EndpointReport, Exchange, Reply};

/// The columns, in their order.
const COLUMNS: &str = "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,\
    hostname_source,sector,version,http,http_code,http_reason,content_type,server,date,major,minor,git_version,\
    git_commit,git_tree_state,build_date,go_version,compiler,platform,handshake,cipher_suite,cert_length,\
    subject_common_name,issuer_common_name,cert_issue_date,cert_expiration_date,sha1_fingerprint,\
    cert_serial_number,ssl_version,signature_algorithm,key_algorithm,subject_organization_name,\
    subject_organization_unit_name,subject_country,subject_state_or_province_name,subject_locality_name,\
    subject_street_address,subject_postal_code,subject_surname,subject_given_name,subject_email_address,\
    subject_business_category,subject_serial_number,issuer_organization_name,issuer_organization_unit_name,\
    issuer_country,issuer_state_or_province_name,issuer_locality_name,issuer_street_address,issuer_postal_code,\
    issuer_surname,issuer_given_name,issuer_email_address,issuer_business_category,issuer_serial_number,\
    sha256_fingerprint,sha512_fingerprint,md5_fingerprint,cert_valid,self_signed,cert_expired,validation_level,\
    browser_trusted,browser_error,raw_cert,raw_cert_chain";

/// Writes the header and the rows.
pub(super) fn write(
    out: &mut dyn io::Write,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let mut csv = spreadsheet::writer(out, Terminator::Any(b'\n'));
    csv.write_record(COLUMNS.split(','))?;
    for report in reports {
        let report = report.borrow();
        if let Some((exchange, reply, version)) = shown_version(report) {
            csv.write_record(row(report, exchange, reply, version))?;
        }
    }
    csv.flush()
}

/// The first answer to `/version` with a version.
fn shown_version(report: &EndpointReport) -> Option<(&Exchange, &Reply, &VersionInfo)> {
    report.requests.iter().find_map(|request| {
        let reply = request.reply()?;
        match &reply.answer {
            Answer::Version(version)
                if reply.status == 200 && request.class() == PathClass::Version =>
            {
                Some((&*request.exchange, reply, &**version))
            }
            _ => None,
        }
    })
}

/// The cells in the order of [`COLUMNS`].
fn row(
    report: &EndpointReport,
    exchange: &Exchange,
    reply: &Reply,
    version: &VersionInfo,
) -> Vec<String> {
    let endpoint = report.endpoint.as_ref();
    let header = |name: &str| reply.header(name).unwrap_or_default();
    let field = |field: &Option<String>| field.clone().unwrap_or_default();
    let address = report.address().map(|address| address.ip().to_string());
    let hostname = endpoint.and_then(|endpoint| endpoint.name.as_deref());
    let mut cells: HashMap<Cow<'static, str>, String> = HashMap::new();
    let mut set = |column: &'static str, text| {
        cells.insert(column.into(), text);
    };
    set("timestamp", time(exchange.at));
    set("severity", "high".to_owned());
    set("ip", address.unwrap_or_default());
    set("protocol", "tcp".to_owned());
    set("port", report.target.port.to_string());
    set("hostname", hostname.unwrap_or_default().to_owned());
    set("tag", "kubernetes".to_owned());
    set("http", reply.http_version());
    set("http_code", reply.status.to_string());
    set("http_reason", "OK".to_owned());
    set("content_type", header("content-type"));
    set("server", header("server"));
    set("date", header("date"));
    set("major", field(&version.major));
    set("minor", field(&version.minor));
    set("git_version", version.git_version.clone());
    set("git_commit", field(&version.git_commit));
    set("git_tree_state", field(&version.git_tree_state));
    set("build_date", field(&version.build_date));
    set("go_version", field(&version.go_version));
    set("compiler", field(&version.compiler));
    set("platform", field(&version.platform));
    if let Some(tls) = &report.tls {
        set("handshake", tls.version.to_string());
        set("cipher_suite", tls.cipher.to_string());
        set("validation_level", "unknown".to_owned());
    }
    if let Some(certificate) = report.certificate() {
        set_certificate(certificate, exchange.at, &mut cells);
    }
    let cell_of = |column: &str| cells.get(column).map(|text| cell(text)).unwrap_or_default();
    COLUMNS.split(',').map(cell_of).collect()
}

fn set_certificate(
    certificate: &Certificate,
    at: Timestamp,
    cells: &mut HashMap<Cow<'static, str>, String>,
) {
    let Certificate {
        subject,
        issuer,
        key,
        not_before,
        not_after,
        ..
    } = certificate;
    let mut set = |column: &'static str, text| {
        cells.insert(column.into(), text);
    };
    let flag = |holds: bool| if holds { "Y" } else { "N" }.to_owned();
    let (algorithm, bits) = key.split_once(' ').unwrap_or((key, ""));
    let has_expired = not_after.is_some_and(|end| end < at);
    let has_begun = not_before.is_none_or(|begin| begin <= at);
    // Readers expect a number.
    let bits = bits.trim_start_matches("P-");
    let is_number = bits.parse::<u32>().is_ok();
    set("cert_length", if is_number { bits } else { "" }.to_owned());
    set("cert_issue_date", not_before.map(time).unwrap_or_default());
    set(
        "cert_expiration_date",
        not_after.map(time).unwrap_or_default(),
    );
    set("cert_serial_number", certificate.serial.to_uppercase());
    set(
        "signature_algorithm",
        certificate.signature_algorithm.to_string(),
    );
    set("key_algorithm", algorithm.to_owned());
    set("sha256_fingerprint", colons(&certificate.sha256));
    set("cert_valid", flag(has_begun && !has_expired));
    set("self_signed", flag(subject == issuer));
    set("cert_expired", flag(has_expired));
    for (owner, name) in [("subject", subject), ("issuer", issuer)] {
        for (attribute, column) in [
            ("CN", "common_name"),
            ("O", "organization_name"),
            ("OU", "organization_unit_name"),
            ("C", "country"),
            ("ST", "state_or_province_name"),
            ("L", "locality_name"),
            ("streetAddress", "street_address"),
            ("postalCode", "postal_code"),
            ("surname", "surname"),
            ("givenName", "given_name"),
            ("Email", "email_address"),
            ("businessCategory", "business_category"),
            ("serialNumber", "serial_number"),
        ] {
            let text = name.attribute(attribute).unwrap_or_default();
            cells.insert(format!("{owner}_{column}").into(), text.into_owned());
        }
    }
}

/// `AB:CD:…`.
fn colons(hex: &str) -> String {
    let upper = hex.to_uppercase();
    let pairs = (0..upper.len() / 2).filter_map(|at| upper.get(at * 2..at * 2 + 2));
    pairs.collect::<Vec<_>>().join(":")
}

/// `YYYY-MM-DD HH:MM:SS`, UTC.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::escape::hidden;
    use super::super::sample::{self, Sample};
    use super::super::spreadsheet::has_formula;
    use super::super::tests::python::read_with;
    use super::*;
    use crate::model::DistinguishedName;

    fn text(sample: &Sample) -> String {
        sample::written(|out| write(out, sample.reports.iter()))
    }

    #[test]
    fn the_columns_are_those_of_the_report() {
        let columns: Vec<&str> = COLUMNS.split(',').collect();
        assert_eq!(columns.len(), 77);
        assert!(
            columns
                .iter()
                .all(|column| column.trim() == *column && !column.is_empty()),
            "{columns:?}"
        );
        assert_eq!((columns[0], columns[76]), ("timestamp", "raw_cert_chain"));
    }

    #[test]
    fn a_row_for_each_version_that_shows() {
        let sample = sample::mixed();
        let written = text(&sample);
        insta::assert_snapshot!(written);
        let shown = sample
            .reports
            .iter()
            .filter(|report| shown_version(report).is_some())
            .count();
        let mut reader = csv::Reader::from_reader(written.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        assert!(shown > 0 && rows.len() == shown);
        assert!(rows.iter().all(|row| row.len() == 77));
        assert!(
            !text(&sample::hostile())
                .chars()
                .any(|c| c != '\n' && hidden(c))
        );
    }

    /// A name whose values have every character with a meaning in RFC 4514.
    fn named() -> Sample {
        let mut sample = sample::mixed();
        (sample.reports).retain(|report| shown_version(report).is_some() && report.tls.is_some());
        for report in &mut sample.reports {
            let tls = report.tls.as_mut().unwrap();
            let certificate = tls.certificate.as_mut().unwrap();
            let relative_name = |(kind, value): (&str, &str)| [(kind.to_owned(), value.to_owned())];
            let most_specific_first = [
                ("CN", "#kube,apiserver\\1"),
                ("serialNumber", "HRB 1"),
                ("Email", "ops@example.com"),
                ("OU", "a + OU=b; \"c\""),
                ("O", "DigiCert, Inc."),
                ("C", "DE"),
            ];
            certificate.subject = DistinguishedName::new(most_specific_first.map(relative_name));
            // A saved report may contain anything.
            certificate.key = "RSA many".into();
        }
        sample
    }

    const NAME: [(&str, &str); 6] = [
        ("subject_common_name", "#kube,apiserver\\1"),
        ("subject_organization_name", "DigiCert, Inc."),
        ("subject_organization_unit_name", "a + OU=b; \"c\""),
        ("subject_country", "DE"),
        ("subject_email_address", "ops@example.com"),
        ("subject_serial_number", "HRB 1"),
    ];

    #[test]
    fn an_attribute_of_a_name_is_whole_in_its_column() {
        let written = text(&named());
        let mut reader = csv::Reader::from_reader(written.as_bytes());
        let rows: Vec<HashMap<String, String>> =
            reader.deserialize().collect::<Result<_, _>>().unwrap();
        assert!(!rows.is_empty());
        for row in rows {
            for (column, value) in NAME {
                assert_eq!(row[column], value);
            }
            assert_eq!(row["cert_length"], "", "not a number");
        }
        assert!(!written.contains('\r'), "as the Foundation's files");
    }

    #[test]
    fn intelmq_reads_the_report() {
        for sample in [sample::mixed(), sample::hostile(), named()] {
            let written = text(&sample);
            let script = "shadowserver/read-with-intelmq.py";
            let Some(events) = read_with(script, "intelmq", &written) else {
                return;
            };
            let events: Vec<serde_json::Value> = serde_json::from_str(&events).unwrap();
            assert_eq!(
                events.len(),
                written.lines().count() - 1,
                "each row is an event"
            );
            for event in events {
                assert_eq!(event["source.port"], 6443);
                assert_eq!(event["protocol.application"], "kubernetes");
                assert_eq!(event["extra.http_code"], 200);
                if event.get("extra.subject_country").is_some() {
                    for (column, value) in NAME {
                        assert_eq!(event[&format!("extra.{column}")], value);
                    }
                }
            }
        }
    }

    /// A version of the server's choice, in a spreadsheet that splits cells at `;`.
    #[test]
    fn no_version_becomes_a_formula() {
        let mut sample = sample::mixed();
        sample
            .reports
            .retain(|report| shown_version(report).is_some());
        for request in sample
            .reports
            .iter_mut()
            .flat_map(|report| &mut report.requests)
        {
            if let Ok(Reply {
                answer: Answer::Version(version),
                ..
            }) = &mut Arc::make_mut(&mut request.exchange).outcome
            {
                version.git_version = "v1.20.2;=1+1|x".to_owned();
            }
        }
        let written = text(&sample);
        assert!(
            written.contains("v1.20.2;'=1+1|x") && !has_formula(&written),
            "{written}"
        );
    }
}
