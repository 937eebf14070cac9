//! Logs of every product, whole and damaged.

use std::io::{Read, Write as _};

use super::*;

const REAL: &[u8] = include_bytes!("../../../tests/data/audit/1.37.2.jsonl");

/// What an event says, in one line.
fn shown(event: &Event<'_>) -> String {
    let Event {
        id,
        uri,
        verb,
        who,
        source,
        agent,
        decision,
        at,
        last,
    } = event;
    let at = at.map_or("?".to_owned(), |at| format!("{at:.0}"));
    format!("{id} {verb} {uri} {who:?} {source} {agent} {decision:?} {at} {last}")
}

struct Log {
    events: Vec<String>,
    counts: Counts,
    facts: Facts,
}

fn log(mut bytes: &[u8]) -> Log {
    let (mut events, mut counts, mut facts) = (Vec::new(), Counts::default(), Facts::default());
    read(&mut bytes, &mut counts, &mut facts, &mut |event| {
        events.push(shown(event));
    })
    .unwrap();
    assert_eq!(counts.events, events.len() as u64);
    Log {
        events,
        counts,
        facts,
    }
}

fn events(bytes: &[u8]) -> Vec<String> {
    let log = log(bytes);
    assert_eq!(log.counts.left_out(), 0, "{:?}", log.counts);
    log.events
}

#[test]
fn a_real_server_writes_anonymous_requests_and_401s() {
    let real = log(REAL);
    assert_eq!((real.counts.events, real.counts.left_out()), (15, 0));
    assert_eq!(
        real.events[..6],
        [
            "kk-meta-default-_version get /version Anonymous 127.0.0.1 kubeknock/0.1 run=r1 Allowed \
             2026-11-28T11:57:43Z true",
            "kk-meta-default-_healthz get /healthz Anonymous 127.0.0.1 kubeknock/0.1 run=r1 Allowed \
             2026-11-28T11:57:43Z true",
            "kk-meta-default-_api get /api Anonymous 127.0.0.1 kubeknock/0.1 run=r1 Forbidden \
             2026-11-28T11:57:43Z true",
            "kk-meta-default-_kubeknock-canary-1234 get /kubeknock-canary-1234 Anonymous 127.0.0.1 \
             kubeknock/0.1 run=r1 Forbidden 2026-11-28T11:57:43Z true",
            "kk-meta-default-secrets list /api/v1/secrets?limit=1 Anonymous 127.0.0.1 kubeknock/0.1 run=r1 \
             Forbidden 2026-11-28T11:57:43Z true",
            // A bad token: as one without credentials.
            "kk-meta-default-badtoken get /api Unauthenticated 127.0.0.1 curl/7.88.1 Unauthenticated \
             2026-11-28T11:57:43Z true",
        ]
    );
}

/// Every shape in which services give the same events away.
#[test]
fn every_service_has_the_same_events() {
    let real = events(REAL);
    let list = include_bytes!("../../../tests/data/audit/event-list.json");
    assert_eq!(events(list), real[..4]);
    let eks = include_bytes!("../../../tests/data/audit/eks-filter-log-events.json");
    assert_eq!(events(eks), real[..5]);
    let subscription = include_bytes!("../../../tests/data/audit/eks-subscription.json.gz");
    assert_eq!(
        events(subscription),
        [&*real[2], &*real[2]],
        "two documents without a line feed"
    );
    let s3 = log(include_bytes!(
        "../../../tests/data/audit/eks-s3-export.txt"
    ));
    assert_eq!(s3.events, real[..3]);
    assert_eq!(
        (s3.counts.truncated, s3.counts.left_out()),
        (1, 1),
        "the service cuts at 256 KB"
    );
    let eventhub = events(include_bytes!(
        "../../../tests/data/audit/aks-eventhub.json"
    ));
    let wanted = ["_version ", "_api ", "secrets "].map(|end| format!("kk-meta-off-{end}"));
    for (event, start) in eventhub.iter().zip(wanted) {
        assert!(event.starts_with(&start) && real.contains(event), "{event}");
    }
    assert_eq!(eventhub.len(), 3);
    let table = events(include_bytes!("../../../tests/data/audit/aks-table.json"));
    assert_eq!(
        table,
        [
            "kk-meta-off-_version get /version Unauthenticated 127.0.0.1 kubeknock/0.1 run=r1 Unauthenticated \
             2026-11-28T12:00:00Z true",
            "kk-meta-off-_api get /api Unauthenticated 127.0.0.1 kubeknock/0.1 run=r1 Unauthenticated \
             2026-11-28T12:00:00Z true",
        ]
    );
    let gke = log(include_bytes!(
        "../../../tests/data/audit/gke-logging-read.json"
    ));
    assert_eq!(
        gke.events,
        [
            "00000000-0000-4000-8000-000000000093 get /api Anonymous 203.0.113.9 kubeknock/0.1 run=r1 Forbidden \
             2026-11-28T12:00:00Z true",
            "00000000-0000-4000-8000-000000000084 get /livez Anonymous 203.0.113.9 kubeknock/0.1 run=r1 Allowed \
             2026-11-28T12:00:00Z true",
            "00000000-0000-4000-8000-000000000020 get /kubeknock-canary-1234 Unauthenticated 203.0.113.9 \
             kubeknock/0.1 run=r1 Unauthenticated 2026-11-28T12:00:00Z true",
        ]
    );
    assert!(gke.facts.gke_data_access && gke.facts.reads_are_left_out().is_none());
    // OpenShift: `oc adm node-logs` writes the node in front.
    let prefixed: Vec<u8> = (REAL.split_inclusive(|byte| *byte == b'\n'))
        .flat_map(|line| [b"master-0.example.com ", line].concat())
        .collect();
    assert_eq!(events(&prefixed), real);
}

#[test]
fn packed_logs_are_unpacked() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(REAL).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(REAL, ruzstd::encoding::CompressionLevel::Fastest);
    // A frame of another kind, which is skipped.
    let skipped = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
    let real = events(REAL);
    for (packed, times) in [
        (gzip.clone(), 1),
        ([&*gzip, &*gzip].concat(), 2),
        (zstd.clone(), 1),
        ([&*zstd, skipped, &*zstd].concat(), 2),
    ] {
        assert_eq!(events(&packed), vec![real.clone(); times].concat());
    }
    for packed in [gzip, zstd] {
        let cut = log(&packed[..packed.len() / 2]);
        assert_eq!(cut.counts.damaged_files, 1);
        assert!(cut.events.len() < real.len());
    }
}

#[test]
fn what_is_damaged_is_counted_and_the_rest_is_read() {
    let real = std::str::from_utf8(REAL).unwrap();
    let lines: Vec<&str> = real.lines().collect();
    let [first, second] = [lines[0], lines[1]];
    let cut = &first[..first.len() / 2];
    let between = &first[..=first.find(",\"stage\"").unwrap()];
    let id = |line: &str| line.split('"').nth(15).unwrap().to_owned();
    for (text, ids, count) in [
        // Cut within a text, and between two values.
        (format!("{cut}\n{second}\n"), vec![second], "truncated"),
        (format!("{between}\n{second}\n"), vec![second], "truncated"),
        (format!("{first}\n{cut}"), vec![first], "truncated"),
        (format!("{first}\n{between}"), vec![first], "truncated"),
        // The end of a line at the beginning of a file.
        (
            format!("{}\n{second}", &first[200..]),
            vec![second],
            "not_json",
        ),
        (
            format!("{first}\nI1129 AUDIT: id=\"x\" stage\n{second}"),
            vec![first, second],
            "not_json",
        ),
        (
            format!("{first}\n{{\"level\":\"info\",\"msg\":\"x\"}}\n{second}"),
            vec![first, second],
            "foreign",
        ),
        (
            format!("{first}{second}\n\n\n{first}"),
            vec![first, second, first],
            "",
        ),
        (
            format!("{{\"items\":[\n{first},\n{second}]}}"),
            vec![first, second],
            "",
        ),
        (
            format!("{{\"items\":[{first},\n{second}]}}\n{first}"),
            vec![first, second, first],
            "",
        ),
        (
            format!("[{first},\n{second},\n{cut}\n{first}"),
            vec![first, second, first],
            "truncated",
        ),
        (
            format!("{{\"messageType\":\"CONTROL_MESSAGE\",\"logEvents\":[]}}\n{first}"),
            vec![first],
            "",
        ),
    ] {
        let read_log = log(text.as_bytes());
        let found: Vec<_> = (read_log.events.iter())
            .map(|event| event.split(' ').next().unwrap().to_owned())
            .collect();
        assert_eq!(found, ids.into_iter().map(id).collect::<Vec<_>>(), "{text}");
        let counts = serde_json::to_value(read_log.counts).unwrap();
        if count.is_empty() {
            assert_eq!(read_log.counts.left_out(), 0, "{text}: {counts}");
        } else {
            assert_eq!(
                (counts[count].as_u64(), read_log.counts.left_out()),
                (Some(1), 1),
                "{text}: {counts}"
            );
        }
    }
    for hostile in [
        &b"\xff\xfe{\0"[..],
        b"{\"auditID\":1,\"requestURI\":[],\"user\":\"x\",\"sourceIPs\":{},\"responseStatus\":[1],\"annotations\":3}",
        b"{\"message\":\"{\\\"message\\\":\\\"{}\\\"}\"}",
        b"[[[[1,null,\"x\",true,1.5]]]]",
        b"{\"protoPayload\":[{\"authorizationInfo\":1}]}",
        b"\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        assert!(log(hostile).events.is_empty());
    }
    let deep = "[".repeat(100_000);
    assert_eq!(log(deep.as_bytes()).counts.truncated, 1);
}

/// Each line begins with a time (S3), a node or a pod (`kubectl logs --prefix`).
#[test]
fn behind_a_cut_line_the_next_one_is_read_whatever_is_before_its_event() {
    let real = std::str::from_utf8(REAL).unwrap();
    let lines: Vec<&str> = real.lines().take(3).collect();
    let cuts =
        ["{", ",\"stage\"", "\"stage\":\""].map(|at| lines[0].find(at).unwrap() + at.len().min(1));
    for prefix in [
        "",
        "2026-11-29T20:52:00.123Z ",
        "cp-1 ",
        "[pod/kube-apiserver-cp-1/kube-apiserver] ",
    ] {
        let whole = lines.iter().flat_map(|line| [prefix, *line, "\n"]);
        let whole: String = whole.collect();
        assert_eq!(events(whole.as_bytes()).len(), 3, "{prefix}");
        for cut in cuts {
            let text = format!(
                "{prefix}{}\n{prefix}{}\n{prefix}{}\n",
                &lines[0][..cut],
                lines[1],
                lines[2]
            );
            let read_log = log(text.as_bytes());
            let found = (
                read_log.events.len(),
                read_log.counts.truncated,
                read_log.counts.left_out(),
            );
            assert_eq!(found, (2, 1, 1), "{text}");
        }
    }
}

#[test]
fn utf_16_is_named() {
    let text = std::str::from_utf8(REAL).unwrap();
    for mark in [0xfeff_u16.to_le_bytes(), 0xfeff_u16.to_be_bytes()] {
        let units = text.encode_utf16();
        let little = mark[0] == 0xff;
        let bytes = units.flat_map(|unit| {
            if little {
                unit.to_le_bytes()
            } else {
                unit.to_be_bytes()
            }
        });
        let bytes: Vec<u8> = mark.into_iter().chain(bytes).collect();
        let read_log = log(&bytes);
        assert_eq!(
            (read_log.counts.utf16_files, read_log.counts.left_out()),
            (1, 1)
        );
    }
}

/// A line or an element of any length needs no more memory than the limits.
#[test]
fn what_is_too_long_is_counted() {
    let filler = "x".repeat(17 << 20);
    let real = std::str::from_utf8(REAL).unwrap();
    let first = real.lines().next().unwrap();
    let long = format!("{{\"a\":\"{filler}\",{}", &first[1..]);
    let read_log = log(format!(
        "{long}\n{first}\n[{first},\n{long},{first}]\n{first}\n{filler}{filler}\n{first}"
    )
    .as_bytes());
    assert_eq!(read_log.events.len(), 4, "{:?}", read_log.counts);
    assert_eq!(read_log.counts.too_long, 2);
    // One line with many elements is read whole.
    let many = format!(
        "{{\"items\":[{}{first}]}}",
        format!("{first},").repeat(20_000)
    );
    assert!(many.len() > 8 << 20);
    let mut input = many.as_bytes().chain(&b"\n"[..]);
    let (mut found, mut counts, mut facts) = (0, Counts::default(), Facts::default());
    read(&mut input, &mut counts, &mut facts, &mut |_| found += 1).unwrap();
    assert_eq!((found, counts.left_out()), (20_001, 0));
}

#[test]
fn the_kind_of_log_is_known_by_its_names() {
    for (text, why) in [
        (
            r#"{"category":"kube-audit-admin"}"#,
            Some("kube-audit-admin leaves out"),
        ),
        (
            r#"[{"category":"kube-audit-admin"},{"category":"kube-audit"}]"#,
            None,
        ),
        (
            r#"{"logName":"projects/p/logs/cloudaudit.googleapis.com%2Factivity"}"#,
            Some("only with Data Access"),
        ),
        (
            r#"{"logStream":"kube-scheduler-1","logEvents":[]}"#,
            Some("audit is off"),
        ),
        (
            r#"{"logStream":"kube-apiserver-1","logEvents":[]}"#,
            Some("audit is off"),
        ),
        (
            r#"{"logStream":"kube-apiserver-audit-1","logEvents":[]}"#,
            None,
        ),
    ] {
        let facts = log(text.as_bytes()).facts;
        let found = facts.reads_are_left_out();
        assert_eq!(found.is_some(), why.is_some(), "{text}");
        assert!(
            found.unwrap_or_default().contains(why.unwrap_or_default()),
            "{text}"
        );
    }
}

#[test]
fn an_error_of_the_input_is_an_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("gone"))
        }
    }
    let mut input = REAL.chain(Broken);
    let (mut counts, mut facts) = (Counts::default(), Facts::default());
    let error = read(&mut input, &mut counts, &mut facts, &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "gone");
    assert_eq!(counts.events, 15);
}
