//! Every error, and that it says how to fix the mistake.

use super::*;

/// The only error of a line, without its place.
fn problem(line: &str) -> String {
    let text = from_lines(line, TargetOptions::default()).expect_err(line);
    let (place, problem) = text.split_once(": ").unwrap();
    assert!(place.starts_with("targets.txt:1"), "{line}: {text}");
    assert!(!problem.contains('\n'), "{line}: {text}");
    problem.to_owned()
}

/// A bad line, and a part of its error.
const BAD: &[(&str, &str)] = &[
    // Ports.
    ("192.0.2.1:0", "invalid port: expected 1 to 65535"),
    ("192.0.2.1:70000", "1 to 65535"),
    ("192.0.2.1:", "missing port"),
    ("192.0.2.1:https", "invalid port"),
    ("[2001:db8::1]:", "missing port"),
    ("[2001:db8::1]:0", "invalid port"),
    ("https://api.example:", "missing port"),
    ("https://api.example:99999", "invalid port"),
    ("api.example:1:2", "a name with a port as host:6443"),
    (":6443", "missing host"),
    // CIDRs.
    ("192.0.2.0/33", "/0 to /32"),
    ("2001:db8::/129", "/0 to /128"),
    ("192.0.2.0/-1", "/0 to /32"),
    ("192.0.2.0/x", "/0 to /32"),
    ("192.0.2.0/", "/0 to /32"),
    ("192.0.2.0/+8", "/0 to /32"),
    ("192.0.2.0/255.255.255.0", "/0 to /32"),
    ("192.0.2.0/24/8", "/0 to /32"),
    ("192.0.2.0/24:6443", "ports=PORT"),
    ("2001:db8::/64:6443", "ports=PORT"),
    ("192.0.2/24", "expected an address before the slash"),
    ("[2001:db8::1]/64", "without brackets"),
    ("fe80::1%eth0/64", "zone id"),
    ("rancher.example/k8s/clusters/c-1", "https://host/path"),
    ("::ffff:192.0.2.0/120", "IPv4-mapped"),
    // Ranges.
    ("192.0.2.40-192.0.2.10", "reversed"),
    ("192.0.2.40-10", "reversed"),
    ("2001:db8::9-2001:db8::1", "reversed"),
    ("192.0.2.1-2001:db8::1", "mixes IPv4 and IPv6"),
    ("2001:db8::1-192.0.2.1", "mixes IPv4 and IPv6"),
    ("192.0.2.10-256", "last octet from 0 to 255"),
    ("192.0.2.10-99999999999", "last octet from 0 to 255"),
    ("192.0.2.10-020", "last octet from 0 to 255"),
    ("192.0.2.10-2.40", "last octet from 0 to 255"),
    ("192.0.2.10-", "last octet from 0 to 255"),
    ("192.0.2.10-40:6443", "ports=PORT"),
    ("192.0.2.10-192.0.2.40:6443", "ports=PORT"),
    ("2001:db8::1-ff", "write both IPv6 addresses in full"),
    ("::ffff:192.0.2.1-::ffff:192.0.2.9", "IPv4-mapped"),
    ("::fffe:ffff:ffff-::1:0:0:0", "IPv4-mapped"),
    ("[2001:db8::1]-[2001:db8::2]", "without brackets"),
    // Text that looks like an address.
    ("192.0.2.256", "it looks like IPv4"),
    ("10.1", "it looks like IPv4"),
    ("1.2.3.4.5", "it looks like IPv4"),
    ("0x7f.1", "it looks like IPv4"),
    ("0x7f000001", "it looks like IPv4"),
    ("3232235777", "it looks like IPv4"),
    ("010.0.0.1", "it looks like IPv4"),
    ("192.0.2.1.", "it looks like IPv4"),
    ("192.0.2.1.:443", "it looks like IPv4"),
    ("192.0.2.1-5.1-3", "it looks like IPv4"),
    ("192.0.2.300-192.0.2.310", "it looks like IPv4"),
    ("https://0x7f.1", "it looks like IPv4"),
    ("https://3232235777/", "it looks like IPv4"),
    ("１９２.0.2.1", "it looks like IPv4"),
    ("192.0.2.1\u{200b}", "it looks like IPv4"),
    ("192。0。2。1", "it looks like IPv4"),
    ("api.123", "the last label is a number"),
    ("api.0x1f:443", "the last label is a number"),
    // IPv6.
    ("fe80::1%eth0", "zone id"),
    ("[fe80::1%eth0]:6443", "zone id"),
    ("https://[fe80::1%25eth0]", "zone id"),
    ("[2001:db8::1", "missing `]`"),
    (
        "[2001:db8::1]6443",
        "unexpected text after `]`: expected :PORT",
    ),
    ("[192.0.2.1]:443", "invalid IPv6 address"),
    ("[]:443", "invalid IPv6 address"),
    ("2001:db8::1::2", "invalid IPv6 address"),
    ("2001:db8:::1", "invalid IPv6 address"),
    (
        "https://2001:db8::1/",
        "needs brackets: https://[2001:db8::1]:6443",
    ),
    // No single server.
    ("0.0.0.0", "not the address of a single server"),
    ("0.0.0.0:6443", "not the address of a single server"),
    ("::", "not the address of a single server"),
    ("https://[::]:6443", "not the address of a single server"),
    ("::ffff:0.0.0.0", "not the address of a single server"),
    ("224.0.0.1", "not the address of a single server"),
    ("ff02::1", "not the address of a single server"),
    ("255.255.255.255:443", "not the address of a single server"),
    // Names.
    ("*.example", "wildcard"),
    ("192.0.2.*", "wildcard"),
    ("192.0.2.1,192.0.2.2", "comma"),
    ("a..example", "empty label"),
    (".example", "empty label"),
    ("a.example..", "empty label"),
    (".", "empty label"),
    ("-a.example", "hyphen"),
    ("a-.example", "hyphen"),
    ("a!b.example", "character '!'"),
    ("a\\b", "character '\\\\'"),
    ("a%20b", "character '%'"),
    ("xn--a.example", "invalid host name"),
    ("a\u{fffd}.example", "invalid host name"),
    // URLs.
    ("ftp://api.example", "expected https:// or http://"),
    ("://api.example", "expected https:// or http://"),
    ("https://", "missing host"),
    ("https:///version", "missing host"),
    ("https://api.example?x=1", "query or fragment"),
    ("https://api.example/k8s#x", "query or fragment"),
    ("https://api.example\\x", "invalid host name"),
    ("https://api.example/a%2fb", "character '%'"),
    ("https://api.example/a\\b", "character '\\\\'"),
    ("https://api.example/a\"b", "character '\"'"),
    ("https://api.example/é", "character 'é'"),
    ("https://api.example/../x", "'..' segments"),
    ("https://api.example/x/./y", "'.' or"),
    ("https://api.example//x", "no empty"),
    ("https://api.example/x//", "no empty"),
    ("https://api.example//", "no empty"),
    // Annotations.
    (
        "192.0.2.1 192.0.2.2",
        "invalid annotation: expected name=, expect=, sni= or ports=",
    ),
    ("192.0.2.1 label=x", "unknown annotation: expected name="),
    ("192.0.2.1 Name=x", "unknown annotation"),
    ("192.0.2.1 =x", "unknown annotation"),
    ("192.0.2.1 name=", "missing value after name="),
    ("192.0.2.1 name=a name=b", "duplicate name="),
    (
        "192.0.2.1 expect=open",
        "expect=: invalid verdict: expected one of exposed",
    ),
    (
        "192.0.2.1 sni=192.0.2.2",
        "sni=: invalid address: it looks like IPv4",
    ),
    ("192.0.2.1 sni=[2001:db8::1]", "sni=: "),
    ("192.0.2.1 sni=*.example", "sni=: unsupported wildcard"),
    ("192.0.2.1 ports=0", "ports=: invalid port"),
    ("192.0.2.1 ports=9-1", "reversed"),
    ("192.0.2.1:443 ports=6443", "has a port and ports="),
    ("[2001:db8::1]:443 ports=6443", "has a port and ports="),
    ("api.example:443 ports=443", "has a port and ports="),
    ("https://api.example ports=6443", "a URL has one port"),
    // Characters.
    ("192.0.2.1\u{1b}[2J", "control character '\\u{1b}'"),
    ("192.0.2.1\r192.0.2.2", "control character '\\r'"),
    ("192.0.2.1 name=a\u{7}b", "control character '\\u{7}'"),
];

#[test]
fn bad_specifications_say_what_is_wrong() {
    for (line, words) in BAD {
        let problem = problem(line);
        assert!(problem.contains(words), "{line:?}: {problem}");
    }
}

#[test]
fn api_paths_are_not_base_urls() {
    for path in [
        "/version",
        "/version/",
        "/api",
        "/apis",
        "/api/v1",
        "/api/v1/namespaces/default/secrets/x",
        "/apis/apps/v1",
        "/apis/apps/v1beta1/deployments",
        "/healthz",
        "/livez/ping",
        "/readyz",
        "/openapi/v2",
        "/openapi/v3/apis/apps/v1",
        "/metrics",
        "/ping",
        "/k8s/clusters/c-1/version",
        "/k8s/clusters/c-1/api/v1/secrets",
        "/k8s/clusters/c-1/apis/apps/v1",
        "/clusters/root:org/healthz",
        "/clusters/root:org/openapi/v3",
    ] {
        let problem = problem(&format!("https://api.example{path}"));
        assert!(
            problem.contains("write the server's base URL"),
            "{path}: {problem}"
        );
    }
}

#[test]
fn lengths_are_limited() {
    let label = "a".repeat(63);
    assert_eq!(set(&format!("{label}.example:1")).len(), 1);
    assert!(problem(&format!("{label}a.example")).contains("longer than 63"));
    // 253 characters, and one more.
    let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
    assert_eq!(longest.len(), 253);
    assert_eq!(set(&longest).len(), 3);
    assert!(problem(&format!("{longest}b")).contains("longer than 253"));
    assert!(problem(&"é".repeat(20_000)).contains("longer than 253"));
    assert_eq!(set(&format!("192.0.2.1 name={}", "é".repeat(128))).len(), 3);
    assert!(problem(&format!("192.0.2.1 name={}", "n".repeat(129))).contains("longer than 128"));
    assert!(
        problem(&format!("https://a.example/{}", "p".repeat(1024))).contains("longer than 1024")
    );
}

#[test]
fn credentials_are_rejected_and_not_repeated() {
    for line in [
        "https://admin:hunter2@api.example",
        "https://hunter2@api.example:6443/k8s",
        "http://admin:hun@hunter2@api.example",
        "ftp://admin:hunter2@api.example",
        "admin:hunter2@api.example:6443",
        "https://admin:hun ter2@api.example",
        "https://admin:hunter2@api.example name=x",
        "192.0.2.1 sni=hunter2@api.example",
        "192.0.2.1 hunter2@x",
        "https://admin:hunter2\u{1}@api.example",
        "https:\\\\admin:hunter2@api.example",
    ] {
        let problem = problem(line);
        assert!(
            problem.contains("kubeknock never sends credentials"),
            "{line}: {problem}"
        );
        assert!(
            !problem.contains("hun") && !problem.contains("ter2"),
            "{line}: {problem}"
        );
    }
    // Tokens are not repeated either.
    assert!(!problem("https://api.example/x?token=hunter2").contains("hunter2"));
    assert!(!problem("192.0.2.1 token=hunter2").contains("hunter2"));
    let said = excluding("192.0.2.1", &["https://admin:hunter2@api.example"]).unwrap_err();
    assert!(
        said.contains("never sends credentials") && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn large_ranges_must_be_allowed() {
    let allow = || TargetOptions {
        allow_large: true,
        ports: vec![6443],
        ..TargetOptions::default()
    };
    assert_eq!(set("10.0.0.0/8").len(), 3 << 24);
    for (line, addresses) in [
        ("10.0.0.0/7", "33554432"),
        ("10.0.0.0-11.0.0.0", "16777217"),
        ("0.0.0.0/0", "4294967296"),
        ("2001:db8::/103", "33554432"),
        ("2001:db8::/64", "18446744073709551616"),
    ] {
        let problem = problem(line);
        assert!(
            problem.contains(&format!("{addresses} addresses")),
            "{line}: {problem}"
        );
        assert!(problem.contains("--allow-large"), "{line}: {problem}");
    }
    assert_eq!(from_lines("0.0.0.0/0", allow()).unwrap().len(), 1 << 32);
    assert_eq!(from_lines("2001:db8::/66", allow()).unwrap().len(), 1 << 62);
    for line in [
        "2001:db8::/65",
        "2001:db8::/64",
        "2001:db8::/32",
        "2000::/3",
        "2001:db8::/66 ports=1,2",
    ] {
        let said = from_lines(line, allow()).unwrap_err();
        assert!(said.contains("2^63 targets or more"), "{line}: {said}");
    }
    // The whole set; duplicates count once.
    assert_eq!(
        from_lines("2001:db8::/66\n2001:db8::/66", allow())
            .unwrap()
            .len(),
        1 << 62
    );
    let said = from_lines("2001:db8::/66\n2001:db8:1::/66", allow()).unwrap_err();
    assert!(
        said.starts_with("targets.txt:2: too many targets: 2^63"),
        "{said}"
    );
    // All addresses, as a CIDR and as a range.
    for line in ["::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] {
        assert!(
            from_lines(line, allow())
                .unwrap_err()
                .contains("IPv4-mapped")
        );
    }
}

#[test]
fn every_error_comes_at_once_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("more.txt");
    std::fs::write(&path, b"192.0.2.1\n\xff\n192.0.2.0/99\n").unwrap();
    let mut builder = TargetSetBuilder::new(TargetOptions {
        ports: vec![443, 0],
        ..TargetOptions::default()
    });
    builder.argument("192.0.2.1");
    builder.argument("192.0.2.300");
    builder.argument(" ");
    builder.argument(&"x".repeat(70_000));
    builder.file(&path);
    builder.file(&folder.path().join("missing.txt"));
    builder.file(folder.path());
    let mut bytes = vec![b'x'; 10 << 20];
    bytes.extend_from_slice(b"\n192.0.2.2:0");
    builder.read(Source::Stdin, bytes.as_slice());
    builder.exclude("192.0.2.1-0");
    builder.exclude("");
    builder.exclude_file(&folder.path().join("never.txt"));
    let errors = builder.build().unwrap_err();
    let folder = folder.path().display();
    for (error, (place, words)) in errors.0.iter().zip([
        (String::new(), "invalid ports: expected at least one"),
        ("argument 2".into(), "looks like IPv4"),
        ("argument 3".into(), "empty"),
        ("argument 4".into(), "longer than 64 KiB"),
        (format!("{folder}/more.txt:2"), "invalid UTF-8"),
        (format!("{folder}/more.txt:3:1"), "/0 to /32"),
        (format!("{folder}/missing.txt"), "cannot open file"),
        (folder.to_string(), "is a directory"),
        ("<stdin>:1".into(), "longer than 64 KiB"),
        ("<stdin>:2:1".into(), "invalid port"),
        ("exclusion 1".into(), "reversed"),
        ("exclusion 2".into(), "empty"),
        (format!("{folder}/never.txt"), "cannot open file"),
    ]) {
        assert_eq!(error.place, place, "{error}");
        assert!(error.problem.contains(words), "{error}");
        assert!(error.problem.len() < 300, "{error}");
    }
    assert_eq!(errors.0.len(), 13);
    assert_eq!(errors.to_string().lines().count(), 13);
}

#[test]
fn bad_exclusions_say_what_is_wrong() {
    for (exclusion, words) in [
        ("https://api.example", "unexpected URL"),
        ("192.0.2.1 name=x", "takes no annotations"),
        ("192.0.2.1 192.0.2.2", "one per line"),
        ("192.0.2.0/24:443", "unexpected port"),
        ("192.0.2.300", "looks like IPv4"),
        ("*.example", "wildcard"),
        ("::ffff:192.0.2.0/120", "IPv4-mapped"),
        ("# nothing", "empty"),
    ] {
        let said = excluding("192.0.2.1", &[exclusion]).unwrap_err();
        assert!(
            said.starts_with("exclusion 1") && said.contains(words),
            "{exclusion}: {said}"
        );
    }
}

#[test]
fn an_empty_list_says_why() {
    let said = from_lines("# nothing\n\n", TargetOptions::default()).unwrap_err();
    assert!(said.starts_with("no targets"), "{said}");
    let said = excluding("192.0.2.1\napi.example:1", &["192.0.2.0/24", "api.example"]).unwrap_err();
    assert!(said.starts_with("every target is excluded (4)"), "{said}");
}

#[test]
fn a_read_error_is_reported() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    let reader = std::io::Read::chain(&b"192.0.2.1\n"[..], Broken);
    builder.read(Source::Stdin, std::io::BufReader::new(reader));
    let said = builder.build().unwrap_err().to_string();
    assert_eq!(said, "<stdin>:2: cannot read further: the disk is gone");
}

/// An error shows the place of a mistake and nothing of the line, which may be a token.
#[test]
fn errors_have_a_place_and_no_content() {
    for (line, place) in [
        ("hunter2!", "targets.txt:1:1"),
        ("   hunter2!", "targets.txt:1:4"),
        ("token: hunter2", "targets.txt:1:8"),
        ("192.0.2.1 hunter2", "targets.txt:1:11"),
        ("192.0.2.1  hunter2=", "targets.txt:1:12"),
        ("192.0.2.1 name=é expect=hunter2", "targets.txt:1:18"),
        ("192.0.2.1 sni=hunter2!", "targets.txt:1:11"),
        ("192.0.2.1 ports=hunter2", "targets.txt:1:11"),
        ("192.0.2.1 name=hunter2\u{7}", "targets.txt:1:23"),
        ("hunter2://192.0.2.1", "targets.txt:1:1"),
        ("https://192.0.2.1/hunter2?", "targets.txt:1:1"),
        ("https://192.0.2.1/hunter2/../", "targets.txt:1:1"),
        ("https://192.0.2.1/hunter2/api/v1", "targets.txt:1:1"),
        ("192.0.2.0/hunter2", "targets.txt:1:1"),
        ("hunter2/24", "targets.txt:1:1"),
        ("192.0.2.1-192.0.2.0:hunter2", "targets.txt:1:1"),
        ("192.0.2.1:hunter2", "targets.txt:1:1"),
        ("[hunter2]:443", "targets.txt:1:1"),
        ("[::1]hunter2", "targets.txt:1:1"),
        ("xn--hunter2-.é", "targets.txt:1:1"),
        ("hunter2.7", "targets.txt:1:1"),
        ("hunter2..x", "targets.txt:1:1"),
        ("hunter2:hunter2@192.0.2.1", "targets.txt:1:1"),
    ] {
        let text = from_lines(line, TargetOptions::default()).expect_err(line);
        assert!(text.starts_with(&format!("{place}: ")), "{line}: {text}");
        assert!(!text.contains("hunter"), "{line}: {text}");
    }
    let said = |argument: &str| {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument(argument);
        builder.build().unwrap_err().to_string()
    };
    assert!(
        said("hunter2!").starts_with("argument 1: invalid host name"),
        "{}",
        said("hunter2!")
    );
    assert!(said("192.0.2.1 hunter2").starts_with("argument 1:11: invalid annotation"));
    let said = excluding("192.0.2.1", &["192.0.2.1 hunter2"]).unwrap_err();
    assert!(
        said.starts_with("exclusion 1:11: unexpected text: an exclusion takes no annotations")
            && !said.contains("hunter")
    );
}

/// A file of another kind gets one error, whatever is in it.
#[test]
fn a_file_of_another_kind_gets_one_error() {
    let kubeconfig =
        "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    token: hunter2\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, kubeconfig).unwrap();
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    builder.file(&path);
    builder.exclude_file(&path);
    builder.read(Source::Stdin, &b"{\"token\": \"hunter2\"}"[..]);
    builder.import(
        ImportFormat::Zmap,
        Source::File("z".into()),
        &b"\xff\xfe1\0"[..],
    );
    let errors = builder.build().unwrap_err();
    let shown = path.display().to_string();
    let places: Vec<&str> = errors.0.iter().map(|error| error.place.as_str()).collect();
    assert_eq!(places, [&shown, &shown, "<stdin>", "z"]);
    for (error, said) in errors.0.iter().zip([
        "a kubeconfig, not a list of targets; ",
        "a kubeconfig, not a list of exclusions; ",
        "JSON, not a list of targets; ",
        "unsupported encoding UTF-16",
    ]) {
        assert!(error.problem.starts_with(said), "{error}");
        assert!(!error.problem.contains("hunter2"), "{error}");
    }
}

/// A list may be endless: duplicates add no target, and must not fill the memory either.
#[test]
fn specifications_and_exclusions_are_limited() {
    let long = format!("192.0.2.1 ports={}1\n", "1,".repeat(5_000));
    let said = from_lines(&long.repeat(500), TargetOptions::default()).unwrap_err();
    assert!(said.contains("or 4 MiB of text; write CIDRs"), "{said}");
    assert!(said.lines().count() == 6, "{said}");
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    builder.argument("192.0.2.1");
    for _ in 0..=crate::targets::limits::MAX_PIECES {
        builder.exclude("192.0.2.9");
    }
    let said = builder.build().unwrap_err().to_string();
    assert!(
        said.ends_with(&format!(
            "more than {} exclusions; write CIDRs or ranges",
            1 << 18
        )),
        "{said}"
    );
}
