//! Every form of a specification, and the targets that it names.

use super::*;

#[test]
fn every_form_names_its_targets() {
    for (line, expected) in [
        ("192.0.2.1:6443", &["192.0.2.1:6443"] as &[&str]),
        (
            "192.0.2.1",
            &["192.0.2.1:6443", "192.0.2.1:443", "192.0.2.1:8443"],
        ),
        (
            "2001:db8::1",
            &[
                "[2001:db8::1]:6443",
                "[2001:db8::1]:443",
                "[2001:db8::1]:8443",
            ],
        ),
        // 6443 looks like a port, but is the last group of the address.
        ("2001:db8::1:6443 ports=1", &["[2001:db8::1:6443]:1"]),
        ("[2001:db8::1]:6443", &["[2001:db8::1]:6443"]),
        ("[2001:DB8::1] ports=7", &["[2001:db8::1]:7"]),
        (
            "192.0.2.0/30 ports=1",
            &["192.0.2.0:1", "192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"],
        ),
        ("192.0.2.7/32 ports=1", &["192.0.2.7:1"]),
        (
            "192.0.2.0/31 ports=2,1",
            &["192.0.2.0:2", "192.0.2.1:2", "192.0.2.0:1", "192.0.2.1:1"],
        ),
        (
            "2001:db8::fffe/127 ports=1",
            &["[2001:db8::fffe]:1", "[2001:db8::ffff]:1"],
        ),
        (
            "192.0.2.254-192.0.3.1 ports=1",
            &[
                "192.0.2.254:1",
                "192.0.2.255:1",
                "192.0.3.0:1",
                "192.0.3.1:1",
            ],
        ),
        (
            "192.0.2.10-12 ports=1",
            &["192.0.2.10:1", "192.0.2.11:1", "192.0.2.12:1"],
        ),
        ("192.0.2.10-10 ports=1", &["192.0.2.10:1"]),
        ("192.0.2.0-0 ports=1", &["192.0.2.0:1"]),
        (
            "2001:db8::f-2001:db8::10 ports=1",
            &["[2001:db8::f]:1", "[2001:db8::10]:1"],
        ),
        (
            "api.example ports=6443-6444",
            &["api.example:6443", "api.example:6444"],
        ),
        ("API.Example.:6443", &["api.example:6443"]),
        ("bücher.example:1", &["xn--bcher-kva.example:1"]),
        ("node_1.example:1", &["node_1.example:1"]),
        ("10-0-0-1.example:1", &["10-0-0-1.example:1"]),
        ("192.0.2.1-node.example:1", &["192.0.2.1-node.example:1"]),
        ("localhost:1", &["localhost:1"]),
        ("1.example:1", &["1.example:1"]),
        ("https://api.example", &["api.example:443"]),
        ("HTTPS://API.example:6443/", &["api.example:6443"]),
        ("http://api.example", &["http://api.example:80"]),
        ("https://192.0.2.1", &["192.0.2.1:443"]),
        ("https://[2001:db8::1]:8443", &["[2001:db8::1]:8443"]),
        (
            "https://rancher.example/k8s/clusters/c-1/",
            &["https://rancher.example:443/k8s/clusters/c-1"],
        ),
        (
            "https://kcp.example:6443/clusters/root:org",
            &["https://kcp.example:6443/clusters/root:org"],
        ),
        (
            "https://gw.example/api/prod",
            &["https://gw.example:443/api/prod"],
        ),
        (
            "https://gw.example/apis/prod",
            &["https://gw.example:443/apis/prod"],
        ),
        (
            "https://gw.example/clusters/ping",
            &["https://gw.example:443/clusters/ping"],
        ),
        (
            "https://gw.example/version/c-1",
            &["https://gw.example:443/version/c-1"],
        ),
        // An IPv4-mapped address is the IPv4 address.
        ("[::ffff:192.0.2.1]:6443", &["192.0.2.1:6443"]),
        ("::ffff:192.0.2.1 ports=1", &["192.0.2.1:1"]),
        ("https://[::ffff:192.0.2.1]", &["192.0.2.1:443"]),
    ] {
        assert_eq!(shown(&set(line)), expected, "{line}");
    }
}

#[test]
fn a_name_with_a_dot_at_its_end_is_complete() {
    for (line, expected) in [
        ("api.example", false),
        ("api.example.", true),
        ("API.example.:6443", true),
        ("https://api.example./k8s", true),
        ("https://api.example/k8s.", false),
        ("https://api.example.:6443", true),
        ("api.example。:6443", true),
        ("api.example．", true),
        ("api.example｡", true),
        ("192.0.2.1", false),
        // One name with both spellings is complete.
        ("api.example\napi.example.", true),
    ] {
        let set = set(line);
        assert!(
            (0..set.len()).all(|index| set.get(index).unwrap().absolute == expected),
            "{line}"
        );
        assert_ne!(
            &*set.get(0).unwrap().host.to_string(),
            "api.example.",
            "{line}"
        );
    }
    assert_ne!(set("api.example").digest(), set("api.example.").digest());
    assert_ne!(
        set("api.example").asked_digest(),
        set("api.example.").asked_digest()
    );
}

#[test]
fn comments_blanks_line_ends_and_the_byte_order_mark() {
    let set = set(
        "\u{feff}# all\r\n\r\n  \t\n192.0.2.1:1\t# ask bob@corp.example\r\n#x\n192.0.2.2:1 name=a#b #c\n",
    );
    assert_eq!(shown(&set), ["192.0.2.1:1", "192.0.2.2:1"]);
    let target = set.get(1).unwrap();
    assert_eq!(target.label.as_deref(), Some("a#b"));
    assert_eq!(target.origin.to_string(), "targets.txt:6");
    assert_eq!(&*target.origin.text, "192.0.2.2:1");
}

#[test]
fn annotations_go_with_every_target_of_their_line() {
    let set = set("192.0.2.0/31 name=lab@home expect=limited sni=API.example. ports=1\n");
    for target in targets(&set) {
        assert_eq!(target.label.as_deref(), Some("lab@home"));
        assert_eq!(target.expect, Some(Verdict::Limited));
        assert_eq!(target.sni.as_deref(), Some("api.example"));
        assert!(!target.named);
    }
    let spec = &set.specs()[0];
    assert_eq!(
        (spec.named, spec.targets, spec.expect),
        (false, 2, Some(Verdict::Limited))
    );
    // Only annotations that change which targets are meant are part of the text.
    assert_eq!(&*spec.origin.text, "192.0.2.0/31 ports=1 sni=API.example.");
    assert_eq!(spec.label.as_deref(), Some("lab@home"));
    for verdict in Verdict::ALL {
        let set = super::set(&format!("192.0.2.1 expect={verdict}"));
        assert_eq!(set.get(0).unwrap().expect, Some(verdict));
    }
}

#[test]
fn a_named_target_is_no_cidr_and_no_range() {
    for (line, named) in [
        ("192.0.2.1", true),
        ("[2001:db8::1]:443", true),
        ("api.example", true),
        ("https://api.example/x", true),
        ("192.0.2.1/32", false),
        ("192.0.2.1-1", false),
    ] {
        let set = set(line);
        assert_eq!(
            (set.specs()[0].named, set.get(0).unwrap().named),
            (named, named),
            "{line}"
        );
    }
}

#[test]
fn plain_http_is_for_http_urls() {
    use Scheme::{Http, Https};
    let set = set(
        "192.0.2.1 ports=8080,6443\nhttps://api.example:8080\nhttp://api.example:6443\n\
         http://192.0.2.1:8080\napi.example:6443 sni=b.example\nhttps://api.example:6443",
    );
    let schemes = targets(&set)
        .iter()
        .map(|target| target.scheme)
        .collect::<Vec<_>>();
    assert_eq!(schemes, [Https, Https, Https, Http, Http, Https, Https]);
    let twins = targets(&set)
        .iter()
        .map(|target| set.asks_in_plain_http(target))
        .collect::<Vec<_>>();
    assert_eq!(twins, [true, false, false, true, true, false, true]);
}

#[test]
fn host_bits_are_dropped_with_a_warning() {
    let set = set("192.0.2.77/30 ports=1\n192.0.2.0/30 ports=1");
    assert_eq!(set.get(0).unwrap().host, Host::Ip(ip("192.0.2.76")));
    let [warning] = set.warnings() else {
        panic!("{:?}", set.warnings())
    };
    assert_eq!(
        warning.text,
        "192.0.2.77/30 has host bits set; using its network 192.0.2.76/30"
    );
    assert_eq!((warning.verbose, warning.origin.line), (false, 1));
    let set = excluding("192.0.2.0/24", &["192.0.2.77/30"]).unwrap();
    assert_eq!(
        set.warnings()[0].text,
        "exclusion 192.0.2.77/30 has host bits set; using its network 192.0.2.76/30"
    );
}

#[test]
fn sources_say_where_a_target_was_written() {
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    builder.argument("192.0.2.1:1 name=first");
    builder.read(Source::Stdin, &b"\n192.0.2.2:1"[..]);
    builder.argument("192.0.2.3:1");
    let set = builder.build().unwrap();
    let origins: Vec<String> = targets(&set)
        .iter()
        .map(|target| target.origin.to_string())
        .collect();
    assert_eq!(origins, ["argument 1", "<stdin>:2", "argument 2"]);
    assert_eq!(set.get(0).unwrap().label.as_deref(), Some("first"));
}

#[test]
fn files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (list, not) = (
        folder.path().join("list.txt"),
        folder.path().join("not.txt"),
    );
    std::fs::write(&list, "192.0.2.0/30 ports=1\n").unwrap();
    std::fs::write(&not, "# never\n192.0.2.1\n192.0.2.2:1\n192.0.2.3:2\n").unwrap();
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    builder.exclude_file(&not);
    builder.file(&list);
    let set = builder.build().unwrap();
    assert_eq!(shown(&set), ["192.0.2.0:1", "192.0.2.3:1"]);
    assert_eq!(set.excluded(), 2);
    assert_eq!(
        set.get(0).unwrap().origin.source,
        Source::File(list.display().to_string().into())
    );
}

#[test]
fn the_example_file_holds_every_form_without_error() {
    let set = set(include_str!("../../../targets.example.txt"));
    let specs = set.specs();
    assert!(specs.len() >= 20);
    for spec in specs {
        assert!(spec.targets > 0, "{}", spec.origin.text);
    }
    let text = |wanted: &str| specs.iter().any(|spec| spec.origin.text.contains(wanted));
    for wanted in [
        "/28",
        "/124",
        "-203.0.113.40",
        "-60",
        "]:6443",
        "http://",
        "https://[",
        "/k8s/",
    ] {
        assert!(text(wanted), "{wanted}");
    }
    assert!(
        specs
            .iter()
            .any(|spec| spec.expect.is_some() && spec.label.is_some())
    );
    assert!(targets(&set).iter().any(|target| target.sni.is_some()));
    assert!(set.has_names());
    assert_eq!(
        set.warnings()
            .iter()
            .filter(|warning| !warning.verbose)
            .count(),
        0
    );
}
