//! Tests of all import formats.

use proptest::prelude::*;

use super::format::ImportFormat;
use super::imported::ImportedLine;
use crate::input::PeekedFile;
use crate::targets::error::Problem;

/// Everything found, noted and wrong, with its line.
fn read(format: ImportFormat, text: &[u8]) -> Vec<(u32, Result<ImportedLine, Problem>)> {
    let mut all = Vec::new();
    format
        .read(
            PeekedFile::new(std::io::BufReader::with_capacity(50, text)),
            &mut |line, found| all.push((line, found)),
        )
        .unwrap();
    all
}

/// The specifications, by line; nothing else may be there.
fn found(format: ImportFormat, text: &str) -> Vec<(u32, String)> {
    let specs = read(format, text.as_bytes())
        .into_iter()
        .map(|(line, found)| match found {
            Ok(ImportedLine::Spec(spec)) => (line, spec),
            other => panic!("{line}: {other:?}"),
        });
    specs.collect()
}

fn owned(expected: &[(u32, &str)]) -> Vec<(u32, String)> {
    expected
        .iter()
        .map(|(line, text)| (*line, (*text).to_owned()))
        .collect()
}

/// The problems, by line.
fn problems(format: ImportFormat, text: &str) -> Vec<(u32, String)> {
    let problem = |(line, found): (u32, Result<ImportedLine, Problem>)| {
        Some((line, found.err()?.into_owned()))
    };
    read(format, text.as_bytes())
        .into_iter()
        .filter_map(problem)
        .collect()
}

#[test]
fn words() {
    for format in ImportFormat::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert!(
        "nmap"
            .parse::<ImportFormat>()
            .unwrap_err()
            .to_string()
            .contains("nmap-xml")
    );
}

#[test]
fn masscan_json() {
    let text = r#"[
{   "ip": "192.0.2.1",   "timestamp": "1700000000", "ports": [ {"port": 443, "proto": "tcp", "status": "open", "reason": "syn-ack", "ttl": 48} ] }
,
{   "ip": "192.0.2.2",   "timestamp": "1700000000", "ports": [ {"port": 443, "proto": "tcp", "service": {"name": "ssl", "banner": "x"} } ] }
,
{   "ip": "192.0.2.3",   "timestamp": "1700000000", "ports": [ {"port": 53, "proto": "udp", "status": "open"}, {"port": 80, "proto": "tcp", "status": "closed"}, {"port": 6443, "proto": "tcp", "status": "open"} ] },
{   "ip": "2001:db8::1",   "timestamp": "1700000000", "ports": [ {"port": 6443, "proto": "tcp", "status": "open"} ] }
{finished: 1}
]
"#;
    let expected = [
        (2, "192.0.2.1:443"),
        (6, "192.0.2.3:6443"),
        (7, "[2001:db8::1]:6443"),
    ];
    assert_eq!(found(ImportFormat::MasscanJson, text), owned(&expected));
    let bad = "[\n{\"ip\": \"192.0.2.1\"}\nnonsense\n{\"ip\": \"a b\", \"ports\": [{\"port\": 1, \"proto\": \"tcp\", \"status\": \"open\"}]}\n]";
    let lines: Vec<u32> = problems(ImportFormat::MasscanJson, bad)
        .into_iter()
        .map(|(line, _)| line)
        .collect();
    assert_eq!(lines, [2, 3, 4]);
}

/// Ports that a truncated file lacks would pass for closed.
#[test]
fn a_truncated_file_is_an_error() {
    let record =
        r#"{ "ip": "192.0.2.1", "ports": [ {"port": 443, "proto": "tcp", "status": "open"} ] }"#;
    let json = |text: String| problems(ImportFormat::MasscanJson, &text);
    let whole = [
        String::new(),
        "[\n]\n".to_owned(),
        format!("[\n{record}\n,\n{record}\n]\n"),
        format!("[\n{record},\n]"),
        format!("[{record}]"),
        format!("[{record},\n{{\"finished\": 1}}]\n"),
        // Of versions before 1.0.4, and of two scans in one file.
        format!("{record},\n{{finished: 1}}\n"),
        format!("[\n{record}\n]\n[\n{record}\n]\n"),
    ];
    for text in whole {
        assert_eq!(json(text.clone()), [], "{text}");
    }
    for (torn, line) in [
        ("[\n".to_owned(), 1),
        (format!("[\n{record}\n"), 2),
        (format!("[\n{record}\n,\n"), 3),
        (format!("[\n{record}\n]\n[\n{record}\n"), 5),
        (format!("[\n{record}\n,\n{}", &record[..30]), 4),
        (
            format!("[\n{record}\n,\n{}", &record[..record.len() - 2]),
            4,
        ),
    ] {
        let problems = json(torn.clone());
        assert_eq!(
            problems.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
            [line],
            "{torn}"
        );
        assert!(
            problems[0].1.contains("truncated") && problems[0].1.contains("run it again"),
            "{problems:?}"
        );
    }
    let line = "open tcp 443 192.0.2.1 1700000000";
    for (format, text, line) in [
        (ImportFormat::MasscanList, format!("#masscan\n{line}\n"), 2),
        (
            ImportFormat::MasscanList,
            format!("{line}\n{}", &line[..22]),
            2,
        ),
        (ImportFormat::Zmap, "192.0.2.1\n192.0.2.1".to_owned(), 2),
        (
            ImportFormat::Naabu,
            "192.0.2.1:6443\n192.0.2.2:64".to_owned(),
            2,
        ),
        (
            ImportFormat::Naabu,
            "{\"ip\":\"192.0.2.1\",\"port\":64".to_owned(),
            1,
        ),
        (
            ImportFormat::HttpxJson,
            "{\"url\":\"https://x:443\"".to_owned(),
            1,
        ),
        (ImportFormat::NmapXml, "<nmaprun>\n<host>\n".to_owned(), 3),
        // Of two reports in one file the second, or the first.
        (
            ImportFormat::NmapXml,
            "<nmaprun>\n</nmaprun>\n<nmaprun>\n<host/>".to_owned(),
            4,
        ),
        (
            ImportFormat::NmapXml,
            "<?xml?><nmaprun>\n</nmaprun>\n<?xml version=\"1.0\"?>".to_owned(),
            3,
        ),
        (
            ImportFormat::NmapXml,
            "<nmaprun>\n<nmaprun>\n</nmaprun>\n".to_owned(),
            4,
        ),
    ] {
        let found: Vec<u32> = problems(format, &text)
            .into_iter()
            .map(|(line, _)| line)
            .collect();
        assert_eq!(found, [line], "{text}");
    }
    let report = "<?xml version=\"1.0\"?>\n<!DOCTYPE nmaprun>\n<nmaprun>\n<host/>\n</nmaprun>\n";
    assert_eq!(problems(ImportFormat::NmapXml, &report.repeat(2)), []);
    // A whole object needs no line feed, and what grep took out no header.
    assert_eq!(
        problems(ImportFormat::Naabu, "{\"ip\":\"192.0.2.1\",\"port\":64}"),
        []
    );
    assert_eq!(problems(ImportFormat::MasscanList, line), []);
}

#[test]
fn errors_about_a_line_do_not_repeat_it() {
    let httpx = "expected a line of httpx -json with \"url\"";
    for (format, line, said) in [
        (ImportFormat::HttpxJson, "127.0", format!("invalid line: {httpx}")),
        (ImportFormat::HttpxJson, "{\"url\":7,\"x\":\"hunter2\"}", format!("invalid line: {httpx}")),
        (ImportFormat::HttpxJson, "https://hunter2", format!("invalid JSON at character 1: {httpx}")),
        (ImportFormat::HttpxJson, "{\"url\":\"hunter2\"}", "invalid url: expected that of an HTTP server".to_owned()),
        (
            ImportFormat::Naabu,
            "{\"ip\":\"192.0.2.1\",\"port\":\"hunter2\"}",
            "invalid line: expected a line of naabu -json with \"host\" or \"ip\", and \"port\"".to_owned(),
        ),
        (ImportFormat::Naabu, "hunter2", "invalid line: expected that of naabu, host:port or JSON".to_owned()),
        (
            ImportFormat::MasscanJson,
            "192.0",
            "invalid line: expected a record of masscan -oJ or -oD with \"ip\" and \"ports\" or \"port\""
                .to_owned(),
        ),
        (
            ImportFormat::MasscanList,
            "Host: 192.0.2.1 () Ports: 443/open/tcp//hunter2//",
            "invalid line: expected that of masscan -oL, open tcp PORT ADDRESS TIME".to_owned(),
        ),
        (
            ImportFormat::Zmap,
            "hunter2",
            "invalid address: expected zmap's output, one address per line, CSV with saddr, or JSON with \"saddr\"".to_owned(),
        ),
        (ImportFormat::NmapXml, "<hunter2>", "missing <nmaprun>: expected a report of nmap -oX".to_owned()),
        (
            ImportFormat::NmapXml,
            "<nmaprun><hunter2></nmaprun>",
            "invalid XML: expected that of nmap -oX".to_owned(),
        ),
    ] {
        let problems = problems(format, &format!("{line}\n"));
        assert_eq!(problems.iter().map(|(_, said)| said.clone()).collect::<Vec<_>>(), [said], "{line}");
    }
}

/// `-oD`: a record for each port, and no end that could be missing.
#[test]
fn masscan_ndjson() {
    let text = concat!(
        r#"{"ip":"192.0.2.5","timestamp":"1700000000","port":6443,"proto":"tcp","rec_type":"status","data":{"status":"open","reason":"syn-ack","ttl":56}}"#,
        "\n",
        r#"{"ip":"192.0.2.5","timestamp":"1700000000","port":6443,"proto":"tcp","rec_type":"banner","data":{"service_name":"ssl","banner":"x"}}"#,
        "\n",
        r#"{"ip":"192.0.2.5","timestamp":"1700000000","port":80,"proto":"tcp","rec_type":"status","data":{"status":"closed","reason":"rst","ttl":56}}"#,
        "\n",
        r#"{"ip":"2001:db8::5","timestamp":"1700000000","port":443,"proto":"tcp","rec_type":"status","data":{"status":"open","reason":"syn-ack","ttl":56}}"#,
        "\n",
        r#"{"ip":"192.0.2.5","timestamp":"1700000000","port":53,"proto":"udp","rec_type":"status","data":{"status":"open","reason":"none","ttl":56}}"#,
    );
    let expected = [(1, "192.0.2.5:6443"), (4, "[2001:db8::5]:443")];
    assert_eq!(found(ImportFormat::MasscanJson, text), owned(&expected));
    let torn = &text[..text.len() - 9];
    let problems = problems(ImportFormat::MasscanJson, torn);
    assert!(
        matches!(&problems[..], [(5, said)] if said.contains("truncated")),
        "{problems:?}"
    );
}

/// nmap may have failed, or have given up on hosts.
#[test]
fn failures_of_nmap_are_reported() {
    let run = |hosts: &str, exit: &str| {
        format!(
            "<nmaprun>\n{hosts}<runstats><finished exit=\"{exit}\" errormsg=\"hunter2\"/></runstats>\n</nmaprun>\n"
        )
    };
    let open = "<host><address addr=\"192.0.2.1\" addrtype=\"ipv4\"/><ports><port protocol=\"tcp\" \
                portid=\"443\"><state state=\"open\"/></port></ports></host>\n";
    let late = "<host timedout=\"true\"><address addr=\"192.0.2.2\" addrtype=\"ipv4\"/></host>\n";
    let problems = problems(ImportFormat::NmapXml, &run(open, "error"));
    assert!(
        matches!(&problems[..], [(3, said)] if said.contains("nmap failed") && !said.contains("hunter2"))
    );
    let said =
        |hosts: &str| match read(ImportFormat::NmapXml, run(hosts, "success").as_bytes()).pop() {
            Some((line, Ok(ImportedLine::Warning(text)))) => Some((line, text)),
            _ => None,
        };
    assert_eq!(said(open), None);
    let (line, text) = said(&format!("{open}{late}")).unwrap();
    assert!(
        line == 3 && text.starts_with("nmap gave up on this host (timedout=\"true\"): "),
        "{line} {text}"
    );
    let (line, text) = said(&format!("{open}{late}{open}{late}")).unwrap();
    assert!(
        line == 3 && text.starts_with("nmap gave up on 2 hosts, this one first "),
        "{line} {text}"
    );
}

/// The XML reader would keep an endless tag in memory, and a name for each open element.
#[test]
fn xml_that_nmap_would_not_write_is_not_read_further() {
    struct Endless(u64, u8);
    impl std::io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += buffer.len() as u64;
            buffer.fill(self.1);
            Ok(buffer.len())
        }
    }
    for begin in ["<nmaprun><", "<nmaprun>", "<nmaprun a=\"", "<!--"] {
        let mut endless = Endless(0, b'x');
        let reader = std::io::Read::chain(begin.as_bytes(), &mut endless);
        let end = ImportFormat::NmapXml.read(
            PeekedFile::new(std::io::BufReader::new(reader)),
            &mut |_, _| {},
        );
        assert_eq!(
            end.unwrap_err().1.to_string(),
            "a tag or text of more than 16 MiB",
            "{begin}"
        );
        assert!(
            endless.0 < 20 << 20,
            "{begin}: {} bytes were read",
            endless.0
        );
    }
    let deep = format!("<nmaprun>{}", "<a>".repeat(100_000));
    let problems = problems(ImportFormat::NmapXml, &deep);
    assert!(
        matches!(&problems[..], [(1, said)] if said.contains("nested deeper")),
        "{problems:?}"
    );
}

#[test]
fn masscan_list() {
    let text = "#masscan\nopen tcp 443 192.0.2.1 1700000000\nbanner tcp 443 192.0.2.1 1700000000 ssl x y\n\
                open udp 53 192.0.2.1 1700000000\nclosed tcp 80 192.0.2.1 1\nopen tcp 6443 2001:db8::1 1\n# end\n";
    let expected = [(2, "192.0.2.1:443"), (6, "[2001:db8::1]:6443")];
    assert_eq!(found(ImportFormat::MasscanList, text), owned(&expected));
    assert_eq!(
        problems(
            ImportFormat::MasscanList,
            "open tcp\nopen tcp x 192.0.2.1 1\n192.0.2.1\n"
        )
        .len(),
        3
    );
}

#[test]
fn nmap_xml() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" version="7.93" xmloutputversion="1.05">
<host><status state="up" reason="syn-ack"/>
<address addr="192.0.2.1" addrtype="ipv4"/>
<address addr="02:00:00:00:00:01" addrtype="mac" vendor="x"/>
<hostnames>
<hostname name="api.example" type="user"/>
<hostname name="reverse.example" type="PTR"/>
</hostnames>
<ports><extraports state="closed" count="9"><extrareasons reason="reset" count="9"/></extraports>
<port protocol="tcp" portid="22"><state state="closed" reason="reset"/></port>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack"/><service name="https"/></port>
<port protocol="udp" portid="53"><state state="open" reason="udp-response"/></port>
<port protocol="tcp" portid="6443"><state state="open" reason="syn-ack"/></port>
</ports>
</host>
<host><address addr="2001:db8::1" addrtype="ipv6"/>
<ports><port protocol="tcp" portid="6443"><state state="open"/></port>
<port protocol="tcp" portid="8443"><state state="open|filtered"/></port></ports>
</host>
<host><address addr="192.0.2.3" addrtype="ipv4"/>
<ports><port protocol="tcp" portid="8080"><state state="open"/><service name="http" method="probed" conf="10"/></port>
<port protocol="tcp" portid="8081"><state state="open"/><service name="http" tunnel="ssl" method="probed"/></port>
<port protocol="tcp" portid="80"><state state="open"/><service name="http" method="table" conf="3"/></port>
<port protocol="tcp" portid="8001"><state state="closed"/><service name="http" method="probed"/></port>
<port protocol="tcp" portid="3128"><state state="open"/><service name="http-proxy" method="probed" conf="10"/></port>
<port protocol="tcp" portid="8444"><state state="open"/><service name="https" method="probed"/></port>
<port protocol="tcp" portid="18080"><state state="open"/><service name="unknown" servicefp="SF-Port18080-TCP:V=7.93%I=7%D=11/28%P=x86_64%r(GenericLines,4,&quot;what&quot;)%r(GetRequest,C7,&quot;HTTP/1\.0\x20200\x20OK\r\n&quot;);" method="table" conf="3"/></port>
<port protocol="tcp" portid="18081"><state state="open"/><service name="unknown" servicefp="SF-Port18081-TCP:V=7.93%T=SSL%I=7%r(GetRequest,C7,&quot;HTTP/1\.0\x20200\x20OK&quot;);" method="table" conf="3"/></port>
<port protocol="tcp" portid="18082"><state state="open"/><service name="unknown" servicefp="SF-Port18082-TCP:V=7.93%I=7%r(GetRequest,C,&quot;x\x20HTTP/1\.0&quot;);" method="table" conf="3"/></port></ports>
</host>
</nmaprun>
"#;
    let expected = [
        (13, "192.0.2.1:443 sni=api.example"),
        (15, "192.0.2.1:6443 sni=api.example"),
        (19, "[2001:db8::1]:6443"),
        (23, "192.0.2.3:8080"),
        (23, "http://192.0.2.3:8080"),
        (24, "192.0.2.3:8081"),
        (25, "192.0.2.3:80"),
        (27, "192.0.2.3:3128"),
        (27, "http://192.0.2.3:3128"),
        (28, "192.0.2.3:8444"),
        (29, "192.0.2.3:18080"),
        (29, "http://192.0.2.3:18080"),
        (30, "192.0.2.3:18081"),
        (31, "192.0.2.3:18082"),
    ];
    assert_eq!(found(ImportFormat::NmapXml, text), owned(&expected));
    for (bad, line) in [
        ("<nmaprun>\n<host>\n<port protocol=\"tcp\" portid=\"x\">", 3),
        ("<nmaprun>\n<host>\n</wrong>", 3),
        (
            "<nmaprun>\n<port protocol=\"tcp\" portid=\"1\"><state state=\"open\"/>",
            2,
        ),
        ("open tcp 443 192.0.2.1 1\n", 2),
    ] {
        assert_eq!(
            problems(ImportFormat::NmapXml, bad)
                .first()
                .map(|(line, _)| *line),
            Some(line),
            "{bad}"
        );
    }
}

#[test]
fn zmap() {
    let plain = "192.0.2.1\n\n192.0.2.2\n";
    assert_eq!(
        found(ImportFormat::Zmap, plain),
        owned(&[(1, "192.0.2.1"), (3, "192.0.2.2")])
    );
    let csv = "classification,saddr,sport,success\nsynack,192.0.2.1,6443,1\nrst,192.0.2.2,6443,0\n";
    assert_eq!(
        found(ImportFormat::Zmap, csv),
        owned(&[(2, "192.0.2.1:6443")])
    );
    assert_eq!(
        problems(
            ImportFormat::Zmap,
            "saddr,sport\n192.0.2.1\nx,1\n192.0.2.1,70000\n"
        )
        .len(),
        3
    );
    // What did not answer for itself as open is not asked: it may be a router.
    let columns = "classification,saddr,sport\nsynack,192.0.2.1,443\nicmp,192.0.2.254,443\n";
    assert_eq!(
        found(ImportFormat::Zmap, columns),
        owned(&[(2, "192.0.2.1:443")])
    );
    let json = concat!(
        "{\"saddr\":\"192.0.2.6\",\"sport\":6443,\"classification\":\"synack\",\"success\":1}\n",
        "{\"saddr\":\"192.0.2.7\",\"sport\":6443,\"classification\":\"rst\",\"success\":0}\n",
        "{\"saddr\":\"192.0.2.8\",\"sport\":6443,\"success\":true}\n",
        "{\"saddr\":\"192.0.2.9\",\"sport\":6443,\"success\":false}\n",
        "{\"saddr\":\"192.0.2.254\",\"classification\":\"icmp\"}\n",
        "{\"saddr\":\"2001:db8::1\",\"sport\":443}\n",
        "{\"saddr\":\"192.0.2.10\"}",
    );
    let expected = [
        (1, "192.0.2.6:6443"),
        (3, "192.0.2.8:6443"),
        (6, "[2001:db8::1]:443"),
        (7, "192.0.2.10"),
    ];
    assert_eq!(found(ImportFormat::Zmap, json), owned(&expected));
    let torn = "{\"saddr\":\"192.0.2.6\"}\n{\"saddr\":\"192.0";
    assert!(
        problems(ImportFormat::Zmap, torn)[0]
            .1
            .contains("truncated")
    );
    assert_eq!(
        problems(
            ImportFormat::Zmap,
            "{\"saddr\":\"hunter2\"}\n{\"ip\":\"hunter2\"}\n"
        )
        .len(),
        2
    );
    // Without a header nobody knows whether the number is the port that was found.
    for (headless, line) in [
        ("192.0.2.1,443\n", 1),
        ("192.0.2.1\n192.0.2.2,443\n", 2),
        ("synack,192.0.2.1\n", 1),
    ] {
        let problems = problems(ImportFormat::Zmap, headless);
        let [(at, said)] = &problems[..] else {
            panic!("{headless}: {problems:?}")
        };
        assert!(
            *at == line && said.contains("several columns") && said.contains("saddr,sport"),
            "{said}"
        );
    }
}

#[test]
fn naabu() {
    let text = concat!(
        "192.0.2.1:443\napi.example:6443\n[2001:db8::1]:8443\n",
        r#"{"host":"api.example","ip":"192.0.2.7","port":6443,"protocol":"tcp","tls":false}"#,
        "\n",
        r#"{"ip":"192.0.2.8","port":{"Port":6443,"Protocol":0,"TLS":false}}"#,
        "\n",
        r#"{"host":"192.0.2.9","ip":"192.0.2.9","port":53,"protocol":"udp"}"#,
        "\n",
        r#"{"ip":"192.0.2.9","port":{"Port":53,"Protocol":1,"TLS":false}}"#,
        "\n",
        r#"{"ip":"192.0.2.8","port":{"Port":443}}"#,
        "\n",
    );
    let expected = [
        (1, "192.0.2.1:443"),
        (2, "api.example:6443"),
        (3, "[2001:db8::1]:8443"),
        (4, "192.0.2.7:6443 sni=api.example"),
        (5, "192.0.2.8:6443"),
        (8, "192.0.2.8:443"),
    ];
    assert_eq!(found(ImportFormat::Naabu, text), owned(&expected));
    assert_eq!(
        problems(ImportFormat::Naabu, "192.0.2.1\n{\"port\":1}\n{\n").len(),
        3
    );
    // Rather none than one that naabu did not mean.
    for protocol in ["7", "\"udp\"", "300"] {
        let line =
            format!("{{\"ip\":\"192.0.2.1\",\"port\":{{\"Port\":53,\"Protocol\":{protocol}}}}}\n");
        assert_eq!(problems(ImportFormat::Naabu, &line).len(), 1, "{line}");
    }
}

#[test]
fn httpx() {
    let text = concat!(
        r#"{"timestamp":"2026-01-01T00:00:00Z","port":"443","url":"https://api.example","input":"api.example","scheme":"https"}"#,
        "\n",
        r#"{"url":"http://192.0.2.1:8080/login","failed":false}"#,
        "\n",
        r#"{"url":"https://[2001:db8::1]:6443/"}"#,
        "\n",
        r#"{"url":"https://gone.example","failed":true}"#,
        "\n",
    );
    let expected = [
        (1, "https://api.example:443"),
        (2, "http://192.0.2.1:8080"),
        (3, "https://[2001:db8::1]:6443"),
    ];
    assert_eq!(found(ImportFormat::HttpxJson, text), owned(&expected));
    assert_eq!(
        problems(
            ImportFormat::HttpxJson,
            "{}\n{\"url\":\"x\"}\n{\"url\":\"ftp://x\"}\nx\n"
        )
        .len(),
        4
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(
        format in prop::sample::select(ImportFormat::ALL.to_vec()),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        read(format, &bytes);
    }

    #[test]
    fn nearly_right_text_neither_panics_nor_becomes_two_words(
        format in prop::sample::select(ImportFormat::ALL.to_vec()),
        text in r#"(\{"(ip|host|url|port|ports)": ?"?[a-z0-9:. #@/-]{0,12}"?,?\}?|<(host|port|state|address) ?[a-z]{0,6}=?"[a-z0-9 .#]{0,9}"/?>|open tcp [0-9]{1,6} [a-f0-9:.#]{0,12} 1|[a-z0-9:.,#]{0,20}|\n){0,12}"#,
    ) {
        for (_, found) in read(format, text.as_bytes()) {
            if let Ok(ImportedLine::Spec(spec)) = found {
                prop_assert!(spec.split_whitespace().skip(1).all(|word| word.starts_with("sni=")), "{spec:?}");
                prop_assert!(!spec.contains('#'), "{spec:?}");
            }
        }
    }
}
