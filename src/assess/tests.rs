use super::assess;
use crate::identify::identify;
use crate::kubernetes::{Answer, VersionInfo};
use crate::model::fixtures::*;
use crate::model::{Access, Assessment, Grade, Observation, Reply, Unclear, Verb, Verdict};

fn judge(observation: &Observation) -> Assessment {
    assess(observation, &identify(observation))
}

fn verdict(observation: &Observation) -> Verdict {
    judge(observation).verdict
}

fn trio(version: Reply, api: Reply, healthz: Reply) -> Observation {
    seen(
        1,
        [("/version", version), ("/api", api), ("/healthz", healthz)],
    )
}

/// How one more answer is judged beside a 401 `Status` with an `Audit-Id` at `/api`.
fn beside_401(path: &str, reply: Reply) -> Access {
    let judged = judge(&seen(1, [("/api", unauthorized()), (path, reply)]));
    judged.requests[1].access.clone()
}

/// The same beside a marked 403 at `/api`.
fn beside_403(path: &str, reply: Reply) -> Access {
    let judged = judge(&seen(1, [("/api", forbidden()), (path, reply)]));
    judged.requests[1].access.clone()
}

mod access {
    use super::*;

    const BARE: &str = "Unauthorized";

    #[test]
    fn a_401_needs_a_status_or_somebody_who_vouches() {
        assert_eq!(beside_401("/version", unauthorized()), Access::Rejected);
        assert_eq!(
            beside_401("/version", reply(401, "text/plain", BARE)),
            Access::Rejected,
            "a sibling gave a Status"
        );
        assert_eq!(beside_401("/version", reply(401, "", "")), Access::Rejected);
        let alone = |reply| {
            judge(&seen(1, [("/api", reply)]).with_kubeadm_tls()).requests[0]
                .access
                .clone()
        };
        assert_eq!(
            alone(reply(401, "text/plain", BARE)),
            Access::Unclear(Unclear::Plain401),
            "TLS never suffices"
        );
        assert_eq!(
            alone(reply(401, "text/plain", BARE).audited()),
            Access::Rejected
        );
        let basic = reply(401, "text/plain", BARE).with("www-authenticate", "Basic");
        assert_eq!(
            beside_401("/version", basic),
            Access::Unclear(Unclear::Plain401)
        );
        assert_eq!(
            beside_401("/version", page(401)),
            Access::Unclear(Unclear::Plain401)
        );
        let json = reply(401, "application/json", r#"{"error":"no"}"#);
        assert_eq!(
            beside_401("/version", json),
            Access::Unclear(Unclear::Plain401)
        );
    }

    #[test]
    fn a_403_must_name_the_anonymous_user() {
        assert_eq!(beside_401("/version", forbidden()), Access::Forbidden);
        let other = status(
            403,
            "Forbidden",
            "forbidden: User \"system:node-proxy\" cannot get path \"/api\"",
        );
        assert_eq!(
            beside_401("/version", other),
            Access::Unclear(Unclear::OtherUser)
        );
        assert_eq!(
            beside_401("/version", page(403)),
            Access::Unclear(Unclear::Plain403)
        );
        // The words in a body that is no Status prove nothing.
        let quoted = reply(
            403,
            "text/plain",
            "forbidden: User \"system:anonymous\" cannot get path",
        );
        assert_eq!(
            beside_401("/version", quoted),
            Access::Unclear(Unclear::Plain403)
        );
    }

    #[test]
    fn a_status_whose_code_is_not_the_answers_is_not_believed() {
        let mismatch = Reply {
            status: 401,
            ..forbidden()
        };
        assert_eq!(
            beside_403("/version", mismatch),
            Access::Unclear(Unclear::Plain401)
        );
        let mismatch = Reply {
            status: 403,
            ..unauthorized()
        };
        assert_eq!(
            beside_401("/version", mismatch),
            Access::Unclear(Unclear::Plain403)
        );
    }

    #[test]
    fn a_success_needs_the_body_of_its_path() {
        assert_eq!(beside_403("/version", version()), Access::Granted);
        assert_eq!(
            beside_403("/version", page(200)),
            Access::Unclear(Unclear::UnexpectedBody)
        );
        assert_eq!(
            beside_403("/apis", version()),
            Access::Unclear(Unclear::UnexpectedBody)
        );
        assert_eq!(
            beside_403("/healthz", page(200)),
            Access::Unclear(Unclear::UnexpectedBody)
        );
        assert_eq!(beside_403("/metrics", metrics()), Access::Granted);
        assert_eq!(
            beside_403("/metrics", reply(200, "text/plain", "# HELP x y\n")),
            Access::Unclear(Unclear::Unmarked)
        );
        let over_the_limit = || Reply {
            answer: Answer::Cut,
            ..api_versions()
        };
        assert_eq!(
            beside_403("/apis", over_the_limit()),
            Access::Unclear(Unclear::Cut)
        );
        assert_eq!(
            beside_403("/custom", over_the_limit()),
            Access::Unclear(Unclear::Cut)
        );
        assert_eq!(
            beside_403("/custom", page(200)),
            Access::Unclear(Unclear::UnexpectedBody)
        );
        assert_eq!(
            beside_403("/custom", reply(200, "text/plain", "x").marked()),
            Access::Granted
        );
    }

    #[test]
    fn a_load_balancers_own_health_page() {
        let own = reply(200, "text/plain", "ok");
        assert_eq!(
            beside_401("/healthz", own.clone()),
            Access::Unclear(Unclear::FrontHealth)
        );
        assert_eq!(
            beside_401("/healthz", own.clone().audited()),
            Access::Granted
        );
        // A server that never audits shows no Audit-Id anywhere.
        let judged = judge(&seen(1, [("/api", bare_forbidden()), ("/healthz", own)]));
        assert_eq!(judged.requests[1].access, Access::Granted);
    }

    #[test]
    fn errors_from_behind_authorization() {
        let not_found = || {
            status(
                404,
                "NotFound",
                "the server could not find the requested resource",
            )
        };
        assert_eq!(beside_403("/custom", not_found().marked()), Access::Granted);
        assert_eq!(
            beside_403("/custom", not_found()),
            Access::Unclear(Unclear::OtherStatus),
            "a front's own"
        );
        let root = || reply(404, "application/json", r#"{"paths":["/api"]}"#);
        assert_eq!(beside_403("/custom", root().marked()), Access::Granted);
        assert_eq!(
            beside_403("/custom", root()),
            Access::Unclear(Unclear::OtherStatus)
        );
        // From 1.30 on an API server says it as Go's library does.
        let judged = judge(&seen(
            1,
            [("/api", forbidden()), ("/custom", go_404().marked())],
        ));
        assert_eq!(judged.requests[1].access, Access::Granted);
        assert!(judged.grants[0].not_served);
        assert_eq!(
            beside_403("/custom", go_404()),
            Access::Unclear(Unclear::OtherStatus)
        );
        let only_headers = judge(&seen(
            1,
            [("/api", page(200).marked()), ("/custom", go_404().marked())],
        ));
        assert_eq!(
            only_headers.requests[1].access,
            Access::Unclear(Unclear::OtherStatus)
        );
        assert_eq!(
            beside_403("/custom", page(405)),
            Access::Unclear(Unclear::OtherStatus)
        );
        let failed = "[+]ping ok\n[-]etcd failed: reason withheld\nhealthz check failed\n";
        assert_eq!(
            beside_403("/healthz", reply(500, "text/plain", failed).marked()),
            Access::Granted
        );
        assert_eq!(
            beside_403("/healthz", page(502)),
            Access::Unclear(Unclear::ServerError)
        );
        assert_eq!(
            beside_403("/healthz", reply(500, "text/plain", failed)),
            Access::Unclear(Unclear::FrontHealth),
            "without the marks of its siblings"
        );
    }

    #[test]
    fn what_fails_in_front_of_the_handler_grants_nothing() {
        let failed = |path: &str| {
            let body = format!(
                "Internal Server Error: \"{path}\": Post \"https://authz.example/\": refused\n"
            );
            reply(500, "text/plain", &body).marked()
        };
        for path in ["/api", "/healthz", "/metrics"] {
            let judged = judge(&seen(1, [("/version", version()), (path, failed(path))]));
            assert_eq!(
                judged.requests[1].access,
                Access::Unclear(Unclear::AuthorizerFailed),
                "{path}"
            );
            assert!(judged.recheck.is_some());
        }
        for code in [500, 502, 503, 504] {
            for path in ["/apis", "/healthz", "/api/v1/secrets"] {
                let access = beside_403(
                    path,
                    reply(code, "text/plain", "service unavailable").marked(),
                );
                assert_eq!(
                    access,
                    Access::Unclear(Unclear::ServerError),
                    "{path} {code}"
                );
            }
        }
        let judged = judge(&trio(version(), failed("/api"), ok()));
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert!(
            judged.reason.contains("its authorizer fails"),
            "{}",
            judged.reason
        );
    }

    #[test]
    fn a_page_for_everything_grants_nothing() {
        let judged = judge(&trio(api_versions(), api_versions(), api_versions()));
        assert_ne!(judged.verdict, Verdict::Exposed);
        assert_eq!(
            judged.requests[1].access,
            Access::Unclear(Unclear::SameBody)
        );
        assert_eq!(judged.grants.len(), 0);
        let ok_everywhere = judge(&trio(ok(), forbidden(), ok()));
        assert_eq!(
            ok_everywhere.requests[2].access,
            Access::Unclear(Unclear::SameBody)
        );
        // Health paths are of one kind.
        let judged = judge(&seen(
            1,
            [("/api", forbidden()), ("/healthz", ok()), ("/livez", ok())],
        ));
        assert_eq!(judged.grants.len(), 2);
    }

    #[test]
    fn refusals_of_releases_before_1_7() {
        let release = |minor: u32| {
            let body = format!(r#"{{"major":"1","minor":"{minor}","gitVersion":"v1.{minor}.3"}}"#);
            reply(200, "application/json", &body)
        };
        let text = "User \"system:anonymous\" cannot get path \"/api\".: \"No policy matched.\"";
        let judged = judge(&trio(release(5), reply(403, "text/plain", text), ok()));
        assert_eq!(judged.verdict, Verdict::Forbidden);
        let basic = || {
            reply(401, "text/plain", BARE)
                .with("www-authenticate", "Basic realm=\"kubernetes-master\"")
        };
        let access = |minor| {
            judge(&seen(1, [("/version", release(minor)), ("/api", basic())])).requests[1]
                .access
                .clone()
        };
        assert_eq!(access(5), Access::Rejected);
        assert_eq!(access(7), Access::Unclear(Unclear::Plain401));
        let judged = judge(&trio(basic(), basic(), basic()));
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert!(judged.reason.contains("before 1.7"), "{}", judged.reason);
    }

    #[test]
    fn a_version_without_a_readable_minor_release_does_not_make_a_plain_401_count() {
        let release = |minor: Option<&str>| {
            let info = VersionInfo {
                git_version: "v1.5.3".to_owned(),
                major: Some("1".to_owned()),
                minor: minor.map(str::to_owned),
                ..VersionInfo::default()
            };
            Reply {
                answer: Answer::Version(Box::new(info)),
                ..version()
            }
        };
        let access = |minor| {
            let plain = reply(401, "text/plain", BARE)
                .with("www-authenticate", "Basic realm=\"kubernetes-master\"");
            judge(&seen(1, [("/version", release(minor)), ("/api", plain)])).requests[1]
                .access
                .clone()
        };
        assert_eq!(access(Some("5")), Access::Rejected);
        assert_eq!(access(Some("5+")), Access::Rejected);
        for minor in [None, Some(""), Some("five"), Some("-5"), Some("5.3")] {
            assert_eq!(
                access(minor),
                Access::Unclear(Unclear::Plain401),
                "{minor:?}"
            );
        }
    }

    #[test]
    fn a_refusal_in_other_words_is_a_proxys() {
        let words = "cannot retrieve user and group: unauthenticated users not supported";
        assert_eq!(
            beside_401("/version", status(403, "Forbidden", words)),
            Access::Unclear(Unclear::OwnWords)
        );
        let denied = status(401, "Unauthorized", "authentication required");
        assert_eq!(
            beside_401("/version", denied),
            Access::Unclear(Unclear::OwnWords)
        );
        let elsewhere = status(
            403,
            "Forbidden",
            "User \"system:anonymous\" cannot get path \"/metrics\"",
        );
        assert_eq!(
            beside_401("/version", elsewhere),
            Access::Unclear(Unclear::OtherRequest)
        );
    }

    #[test]
    fn what_says_nothing() {
        assert_eq!(
            beside_403("/version", reply(302, "", "")),
            Access::Unclear(Unclear::Redirect)
        );
        assert_eq!(
            beside_403("/version", reply(429, "text/plain", "").marked()),
            Access::Unclear(Unclear::RateLimited)
        );
        assert_eq!(
            beside_403("/version", reply(418, "", "")),
            Access::Unclear(Unclear::OtherStatus)
        );
    }

    #[test]
    fn a_list_is_decided_by_status_and_marks() {
        const LIST: &str = "/api/v1/secrets";
        assert_eq!(
            beside_403(LIST, reply(405, "application/json", "").marked()),
            Access::Granted
        );
        let head_403 = reply(403, "application/json", "")
            .marked()
            .with("x-content-type-options", "nosniff");
        assert_eq!(beside_403(LIST, head_403), Access::Forbidden);
        assert_eq!(
            beside_401(LIST, reply(401, "application/json", "").audited()),
            Access::Rejected
        );
        // A front end that answers HEAD by itself has no marks.
        assert_eq!(
            beside_403(LIST, reply(405, "text/html", "")),
            Access::Unclear(Unclear::OtherStatus)
        );
        // Headers alone can be copied.
        let copied = judge(&seen(
            1,
            [
                ("/api", page(200).marked()),
                (LIST, reply(405, "", "").marked()),
            ],
        ));
        assert_eq!(
            copied.requests[1].access,
            Access::Unclear(Unclear::OtherStatus)
        );
        assert_eq!(copied.grants.len(), 0);
        assert_eq!(
            beside_403(LIST, reply(403, "text/html", "")),
            Access::Unclear(Unclear::Plain403)
        );
        assert_eq!(
            beside_401(LIST, reply(401, "text/html", "")),
            Access::Unclear(Unclear::Plain401)
        );
        // The form without HEAD.
        let bogus = status(400, "BadRequest", "invalid continue token");
        assert_eq!(
            beside_403("/api/v1/secrets&continue=bogus", bogus.clone().marked()),
            Access::Granted
        );
        assert_eq!(
            beside_403("/api/v1/secrets&continue=bogus", bogus.clone()),
            Access::Unclear(Unclear::OtherStatus),
            "a front's own"
        );
        assert_eq!(
            beside_403("/version", bogus),
            Access::Unclear(Unclear::OtherStatus)
        );
    }

    const SECRETS: &str = "/api/v1/secrets&continue=bogus";

    /// How the list of secrets is judged beside these answers.
    fn list_beside(trio: [(&'static str, Reply); 3], list: Reply) -> Access {
        let answers = trio.into_iter().chain([(SECRETS, list)]);
        let judged = judge(&failing(1, answers.map(|(path, reply)| (path, Ok(reply)))));
        judged.requests[3].access.clone()
    }

    fn default_cluster() -> [(&'static str, Reply); 3] {
        [
            ("/version", version()),
            ("/api", forbidden()),
            ("/healthz", ok()),
        ]
    }

    #[test]
    fn a_400_counts_if_it_refuses_the_continue_token() {
        let refused = "invalid continue token: continue key is not valid: illegal base64 data";
        assert_eq!(
            list_beside(
                default_cluster(),
                status(400, "BadRequest", refused).marked()
            ),
            Access::Granted
        );
        let gateway = || status(400, "BadRequest", "missing tenant header");
        assert_eq!(
            list_beside(default_cluster(), gateway().marked()),
            Access::Unclear(Unclear::OtherStatus)
        );
        let everywhere = [
            ("/version", gateway()),
            ("/api", gateway()),
            ("/healthz", gateway()),
        ];
        assert_eq!(
            list_beside(everywhere, gateway()),
            Access::Unclear(Unclear::OtherStatus)
        );
    }

    #[test]
    fn an_api_server_grants_with_200_alone() {
        let versions = r#"{"kind":"APIVersions","versions":["v1"]}"#;
        for status in [201, 203, 206, 299] {
            let answer = reply(status, "application/json", versions).marked();
            let judged = judge(&trio(version(), answer, ok()));
            assert_eq!(
                judged.requests[1].access,
                Access::Unclear(Unclear::OtherStatus),
                "{status}"
            );
        }
    }

    #[test]
    fn a_list_is_that_of_its_resource() {
        let list = |kind: &str| {
            let body = format!(r#"{{"kind":"{kind}","items":[]}}"#);
            reply(200, "application/json", &body).marked()
        };
        assert_eq!(
            list_beside(default_cluster(), list("SecretList")),
            Access::Granted
        );
        for other in ["List", "PodList", "WishList"] {
            assert_eq!(
                list_beside(default_cluster(), list(other)),
                Access::Unclear(Unclear::UnexpectedBody),
                "{other}"
            );
        }
    }

    #[test]
    fn telemetry_without_marks_must_be_an_api_servers_own() {
        let metrics = |name: &str| reply(200, "text/plain", &format!("# HELP {name} x\n"));
        let openapi = |title: &str| {
            let body = format!(r#"{{"swagger":"2.0","info":{{"title":"{title}"}}}}"#);
            reply(200, "application/json", &body)
        };
        let judged_as = |path: &'static str, answer: Reply| {
            let plain = |body: &str| reply(200, "application/json", body);
            let unmarked = [
                (
                    "/version",
                    plain(r#"{"major":"1","minor":"18","gitVersion":"v1.18.2"}"#),
                ),
                ("/api", bare_forbidden()),
                (path, answer),
            ];
            let judged = judge(&seen(1, unmarked).with_kubeadm_tls());
            judged.requests[2].access.clone()
        };
        let unvouched = Access::Unclear(Unclear::Unvouched);
        assert_eq!(
            judged_as("/metrics", metrics("haproxy_process_uptime_seconds")),
            unvouched
        );
        assert_eq!(
            judged_as(
                "/metrics",
                metrics("aggregator_openapi_v2_regeneration_count")
            ),
            Access::Granted
        );
        assert_eq!(judged_as("/openapi/v2", openapi("Portal")), unvouched);
        assert_eq!(
            judged_as("/openapi/v2", openapi("Kubernetes")),
            Access::Granted
        );
        assert_eq!(
            beside_403("/metrics", metrics("any").marked()),
            Access::Granted,
            "marks vouch for it"
        );
    }
}

mod rules {
    use super::*;

    #[test]
    fn a_default_cluster_is_forbidden_and_never_exposed() {
        let judged = judge(&trio(version(), forbidden(), ok()));
        assert_eq!(judged.verdict, Verdict::Forbidden);
        assert_eq!(judged.recheck, None);
        let grants: Vec<_> = judged
            .grants
            .iter()
            .map(|grant| (grant.path.as_str(), grant.grade))
            .collect();
        assert_eq!(
            grants,
            [
                ("/healthz", Grade::PublicInfo),
                ("/version", Grade::PublicInfo)
            ]
        );
        assert!(
            judged.reason.contains("resources not asked"),
            "{}",
            judged.reason
        );
    }

    #[test]
    fn nothing_public_is_forbidden_without_a_grant() {
        let judged = judge(&trio(forbidden(), forbidden(), forbidden()));
        assert_eq!(
            (judged.verdict, judged.grants.len()),
            (Verdict::Forbidden, 0)
        );
        assert!(
            judged.recheck.is_some(),
            "a server that starts answers so for a moment"
        );
    }

    #[test]
    fn discovery_or_a_resource_is_exposed() {
        assert_eq!(
            verdict(&trio(version(), api_versions(), ok())),
            Verdict::Exposed
        );
        let list = reply(405, "application/json", "").marked();
        let answers = [
            ("/version", version()),
            ("/api", forbidden()),
            ("/healthz", ok()),
            ("/api/v1/secrets", list),
        ];
        let judged = judge(&seen(1, answers));
        assert_eq!(judged.verdict, Verdict::Exposed);
        assert_eq!(
            (judged.grants[0].grade, judged.grants[0].verb),
            (Grade::SensitiveResources, Verb::List)
        );
    }

    #[test]
    fn a_products_public_path_changes_nothing() {
        let issuer = reply(
            200,
            "application/json",
            r#"{"issuer":"https://k8s.example"}"#,
        )
        .marked();
        let answers = [
            ("/version", version()),
            ("/api", forbidden()),
            ("/healthz", ok()),
            ("/.well-known/openid-configuration", issuer),
        ];
        let judged = judge(&seen(1, answers));
        assert_eq!(judged.verdict, Verdict::Forbidden);
        assert_eq!(
            judged.grants.last().map(|grant| grant.grade),
            Some(Grade::Product)
        );
    }

    #[test]
    fn limited_to_some_paths() {
        assert_eq!(
            verdict(&trio(unauthorized(), unauthorized(), ok())),
            Verdict::Limited
        );
        assert_eq!(
            verdict(&trio(unauthorized(), unauthorized(), forbidden())),
            Verdict::Limited
        );
        let livez = [
            ("/version", unauthorized()),
            ("/api", unauthorized()),
            ("/healthz", unauthorized()),
            ("/livez", ok()),
            ("/readyz", unauthorized()),
        ];
        assert_eq!(verdict(&seen(1, livez)), Verdict::Limited);
    }

    #[test]
    fn any_paths_can_be_the_ones_that_anonymous_is_limited_to() {
        let judged = judge(&trio(version(), unauthorized(), unauthorized()));
        assert_eq!(judged.verdict, Verdict::Limited);
        assert_eq!(
            judged.reason,
            "anonymous is limited to some paths; open: /version; 401: /api, /healthz; resources not asked"
        );
        // A condition on /api alone: let through to authorization there, and nowhere else.
        let judged = judge(&trio(unauthorized(), forbidden(), unauthorized()));
        assert_eq!(judged.verdict, Verdict::Limited);
        assert!(
            judged.reason.contains("403 as system:anonymous: /api"),
            "{}",
            judged.reason
        );
        assert!(judged.recheck.is_some(), "a start could look the same");
        let list = reply(403, "application/json", "")
            .marked()
            .with("x-content-type-options", "nosniff");
        let answers = [
            ("/version", unauthorized()),
            ("/api", unauthorized()),
            ("/healthz", unauthorized()),
            ("/livez", unauthorized()),
            ("/readyz", unauthorized()),
            ("/api/v1/namespaces", list),
        ];
        assert_eq!(verdict(&seen(1, answers)), Verdict::Limited);
    }

    #[test]
    fn rejected_needs_all_five() {
        let all = [
            ("/version", unauthorized()),
            ("/api", unauthorized()),
            ("/healthz", unauthorized()),
            ("/livez", unauthorized()),
            ("/readyz", unauthorized()),
        ];
        let judged = judge(&seen(1, all));
        assert_eq!(
            (judged.verdict, judged.reason.as_str()),
            (
                Verdict::Rejected,
                "401 on 5 of 5 API paths asked (/api, /healthz, /livez, /readyz, /version); resources not \
                 asked; a condition that opens another path would not show"
            )
        );
        assert_eq!(
            verdict(&trio(unauthorized(), unauthorized(), unauthorized())),
            Verdict::Inconclusive
        );
        let missing = failing(
            1,
            [
                ("/version", Ok(unauthorized())),
                ("/api", Ok(unauthorized())),
                ("/healthz", Ok(unauthorized())),
                ("/livez", Err(reset())),
                ("/readyz", Ok(unauthorized())),
            ],
        );
        assert_eq!(verdict(&missing), Verdict::Inconclusive);
    }

    #[test]
    fn a_fronts_health_page_makes_nothing_health_only() {
        let judged = judge(&trio(
            unauthorized(),
            unauthorized(),
            reply(200, "text/plain", "ok"),
        ));
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert!(judged.reason.contains("load balancer"), "{}", judged.reason);
    }

    #[test]
    fn fronts_that_answer_everything_alike() {
        for answer in [
            page(200),
            page(401),
            page(403),
            reply(401, "application/json", r#"{"error":"no"}"#),
        ] {
            let alike = || trio(answer.clone(), answer.clone(), answer.clone());
            assert_eq!(verdict(&alike()), Verdict::NotApiServer);
            assert_eq!(verdict(&alike().with_kubeadm_tls()), Verdict::Inconclusive);
        }
    }

    #[test]
    fn overload_is_no_identity() {
        let busy = || reply(429, "text/plain", "Too many requests").with("retry-after", "1");
        let judged = judge(&trio(busy(), busy(), busy()));
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert_eq!(
            judged.recheck.unwrap().after,
            Some(std::time::Duration::from_secs(1))
        );
        let long = || reply(429, "text/plain", "Too many requests").with("retry-after", "60");
        let judged = judge(&trio(busy(), long(), busy()));
        assert_eq!(
            (judged.verdict, judged.recheck),
            (Verdict::Inconclusive, None)
        );
        assert!(
            judged
                .reason
                .ends_with("asks to wait 60 s, so it was not asked again"),
            "{}",
            judged.reason
        );
    }

    #[test]
    fn no_answer_is_unreachable() {
        assert_eq!(
            verdict(&failing(1, [("/version", Err(reset()))])),
            Verdict::Unreachable
        );
        let partly = failing(
            1,
            [
                ("/version", Err(reset())),
                ("/api", Ok(forbidden())),
                ("/healthz", Ok(ok())),
            ],
        );
        assert_eq!(verdict(&partly), Verdict::Forbidden);
    }

    #[test]
    fn a_component_that_cannot_be_told_apart_is_inconclusive() {
        let judged = judge(&trio(
            bare_forbidden(),
            bare_forbidden(),
            reply(200, "text/plain", "ok"),
        ));
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        let manager = trio(go_404(), bare_forbidden(), reply(200, "text/plain", "ok"));
        assert_eq!(verdict(&manager), Verdict::NotApiServer);
    }

    #[test]
    fn plain_http_to_a_tls_port_says_so() {
        let words = reply(400, "", "Client sent an HTTP request to an HTTPS server.\n");
        let judged = judge(&trio(words.clone(), words.clone(), words));
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert!(judged.reason.contains("speaks TLS"), "{}", judged.reason);
    }
}

mod recheck {
    use super::*;

    fn unwell() -> Reply {
        reply(
            500,
            "text/plain",
            "[+]ping ok\n[-]etcd failed: reason withheld\nhealthz check failed\n",
        )
        .marked()
    }

    fn after(first: Observation, second: Observation) -> Assessment {
        let mut both = first;
        both.absorb(second);
        judge(&both)
    }

    #[test]
    fn contradictions_get_one() {
        for (what, observation) in [
            ("unhealthy", trio(version(), forbidden(), unwell())),
            ("403, then 200", trio(forbidden(), forbidden(), ok())),
            ("a front's 502", trio(version(), page(502), ok())),
            (
                "anonymous at /api but not at /version",
                trio(unauthorized(), forbidden(), ok()),
            ),
            (
                "discovery open, version not",
                trio(forbidden(), api_versions(), ok()),
            ),
        ] {
            assert!(judge(&observation).recheck.is_some(), "{what}");
        }
        for (what, observation) in [
            ("default", trio(version(), forbidden(), ok())),
            ("health only", trio(unauthorized(), unauthorized(), ok())),
            (
                "rejecting",
                trio(unauthorized(), unauthorized(), unauthorized()),
            ),
            ("exposed", trio(version(), api_versions(), ok())),
            ("a web server", trio(page(404), page(404), page(200))),
        ] {
            assert_eq!(judge(&observation).recheck, None, "{what}");
        }
    }

    #[test]
    fn there_is_only_one() {
        let again = Observation {
            ..trio(version(), forbidden(), unwell())
        };
        let second = seen(
            2,
            [
                ("/version", version()),
                ("/api", forbidden()),
                ("/healthz", unwell()),
            ],
        );
        let judged = after(again, second);
        assert_eq!(judged.recheck, None);
        assert_eq!(
            judged.verdict,
            Verdict::Forbidden,
            "unhealthy, and still it let us in"
        );
    }

    #[test]
    fn a_starting_server_settles() {
        let second = seen(
            2,
            [
                ("/version", version()),
                ("/api", forbidden()),
                ("/healthz", ok()),
            ],
        );
        let judged = after(trio(forbidden(), forbidden(), unwell()), second);
        assert_eq!(judged.verdict, Verdict::Forbidden);
        assert_eq!(judged.grants.len(), 2, "each path once");
    }

    #[test]
    fn crossing_authentication_contradicts() {
        let second = seen(
            2,
            [
                ("/version", unauthorized()),
                ("/api", unauthorized()),
                ("/healthz", ok()),
            ],
        );
        let judged = after(trio(version(), forbidden(), unwell()), second);
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert!(judged.reason.contains("contradict"), "{}", judged.reason);
    }

    #[test]
    fn what_opens_and_closes_is_inconclusive_and_both_answers_are_shown() {
        let second = seen(
            2,
            [
                ("/version", version()),
                ("/api", forbidden()),
                ("/healthz", ok()),
            ],
        );
        let judged = after(trio(version(), api_versions(), unwell()), second);
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert!(
            judged
                .reason
                .contains("/api was granted (200), then forbidden (403)"),
            "{}",
            judged.reason
        );
    }

    #[test]
    fn a_start_ends_in_whatever_the_server_is_set_to() {
        let starting = || trio(forbidden(), forbidden(), forbidden());
        assert!(judge(&starting()).recheck.is_some());
        let all = |answer: fn() -> Reply| {
            ["/version", "/api", "/healthz", "/livez", "/readyz"].map(|path| (path, answer()))
        };
        let judged = after(starting(), seen(2, all(unauthorized)));
        assert_eq!(judged.verdict, Verdict::Rejected);
        assert!(
            judged.reason.contains("as while a server starts"),
            "{}",
            judged.reason
        );
        let conditions = seen(
            2,
            [
                ("/version", unauthorized()),
                ("/api", unauthorized()),
                ("/healthz", ok()),
            ],
        );
        assert_eq!(after(starting(), conditions).verdict, Verdict::Limited);
        let open = seen(
            2,
            [
                ("/version", version()),
                ("/api", api_versions()),
                ("/healthz", ok()),
            ],
        );
        assert_eq!(after(starting(), open).verdict, Verdict::Exposed);
    }

    #[test]
    fn more_that_opens_is_a_start_only_if_everything_was_refused() {
        let open = || {
            seen(
                2,
                [
                    ("/version", version()),
                    ("/api", api_versions()),
                    ("/healthz", ok()),
                ],
            )
        };
        let judged = after(trio(forbidden(), forbidden(), ok()), open());
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert!(
            judged
                .reason
                .contains("/api was forbidden (403), then granted (200)"),
            "{}",
            judged.reason
        );
        // The roles came between two requests.
        let default = seen(
            2,
            [
                ("/version", version()),
                ("/api", forbidden()),
                ("/healthz", ok()),
            ],
        );
        let judged = after(trio(forbidden(), forbidden(), ok()), default);
        assert_eq!(judged.verdict, Verdict::Forbidden);
    }

    fn early() -> Reply {
        forbidden()
            .with("x-kubernetes-pf-flowschema-uid", "")
            .with("x-kubernetes-pf-prioritylevel-uid", "")
    }

    /// A real 1.37 on a busy machine: roles were loaded while the requests of `--deep` were made.
    #[test]
    fn a_start_may_end_in_the_middle_of_a_probe() {
        let seen_in = |probe, answers: [Reply; 5]| {
            let mut answers = answers.into_iter();
            let paths = ["/version", "/api", "/healthz", "/apis", "/metrics"];
            seen(probe, paths.map(|path| (path, answers.next().unwrap())))
        };
        let of = |answers| {
            let open = [version(), api_versions(), ok(), api_groups(), metrics()];
            after(seen_in(1, answers), seen_in(2, open))
        };
        for answers in [
            [early(), early(), early(), forbidden(), metrics()],
            [
                forbidden(),
                forbidden(),
                forbidden(),
                forbidden(),
                metrics(),
            ],
        ] {
            let judged = of(answers);
            assert_eq!(judged.verdict, Verdict::Exposed, "{}", judged.reason);
            let refused =
                "at first, /version, /api, /healthz, /apis answered 403, as while a server starts";
            assert!(judged.reason.contains(refused), "{}", judged.reason);
        }
        // One backend may accept anonymous requests, and another may not.
        let rejecting = [(); 5].map(|()| unauthorized());
        let first = [
            forbidden(),
            forbidden(),
            forbidden(),
            unauthorized(),
            unauthorized(),
        ];
        let judged = after(seen_in(1, first), seen_in(2, rejecting));
        assert_eq!(judged.verdict, Verdict::Inconclusive, "{}", judged.reason);
        let contradicts = "/version was forbidden (403), then rejected (401)";
        assert!(judged.reason.contains(contradicts), "{}", judged.reason);
        for answers in [
            // It had let requests through before it refused /apis.
            [early(), early(), ok(), forbidden(), metrics()],
            [version(), api_versions(), ok(), forbidden(), metrics()],
        ] {
            let judged = of(answers);
            assert_eq!(judged.verdict, Verdict::Inconclusive, "{}", judged.reason);
            let contradicts = "/apis was forbidden (403), then granted (200)";
            assert!(judged.reason.contains(contradicts), "{}", judged.reason);
        }
    }

    #[test]
    fn a_server_that_still_starts_at_the_recheck_has_no_verdict() {
        let again = || {
            seen(
                2,
                [
                    ("/version", early()),
                    ("/api", early()),
                    ("/healthz", early()),
                ],
            )
        };
        let judged = after(trio(early(), early(), early()), again());
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert!(judged.reason.contains("still starts"), "{}", judged.reason);
        let open = after(trio(early(), early(), early()), {
            let mut open = again();
            open.exchanges
                .extend(seen(2, [("/apis", api_groups())]).exchanges);
            open
        });
        assert_eq!(open.verdict, Verdict::Exposed, "a proof stands");
    }

    #[test]
    fn what_two_looks_proved_is_counted_once() {
        let lists = ["/api", "/apis", "/metrics"];
        let open = |look| {
            seen(
                look,
                lists.map(|path| {
                    (
                        path,
                        match path {
                            "/api" => api_versions(),
                            "/apis" => api_groups(),
                            _ => metrics(),
                        },
                    )
                }),
            )
        };
        let judged = after(open(1), open(2));
        assert_eq!(
            judged.reason,
            "anonymous callers may read /api, /apis, /metrics: beyond the public-info set"
        );
    }

    #[test]
    fn flow_control_without_names_is_a_start() {
        assert!(judge(&trio(version(), early(), ok())).recheck.is_some());
        assert_eq!(judge(&trio(version(), forbidden(), ok())).recheck, None);
    }

    #[test]
    fn recovery_from_overload() {
        let busy = || reply(429, "text/plain", "");
        let second = seen(
            2,
            [
                ("/version", version()),
                ("/api", forbidden()),
                ("/healthz", ok()),
            ],
        );
        assert_eq!(
            after(trio(busy(), busy(), busy()), second).verdict,
            Verdict::Forbidden
        );
    }
}
