//! What each request is answered.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    AGE, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, RETRY_AFTER,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use prometheus_client::encoding::prometheus_text::CONTENT_TYPE as METRICS;

use super::authentication::Users;
use super::exporter_metrics::Refusal;
use super::page;
use super::probe_metrics;
use super::probe_query::{ProbeQuery, time_limit};
use super::probing::{Answer, Exporter, Served};
use super::service_discovery;

type Body = Full<Bytes>;

const TEXT: &str = "text/plain; charset=utf-8";

/// The answer to a request.
pub(super) async fn answer<B>(
    exporter: &Arc<Exporter>,
    users: &Arc<Users>,
    request: &Request<B>,
) -> Response<Body> {
    let path = request.uri().path();
    // They tell nothing, and probes of Kubernetes have no password.
    if matches!(path, "/healthz" | "/readyz") {
        return text(StatusCode::OK, TEXT, "ok\n");
    }
    if !users.allow(request.headers()).await {
        return refuse(exporter, Refusal::Unauthorized);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let answer = text(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
        return with(answer, ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    match path {
        "/" => {
            let answer = text(
                StatusCode::OK,
                "text/html; charset=utf-8",
                page::html(&exporter.list()),
            );
            let policy = HeaderValue::try_from(page::content_security_policy());
            policy.map_or_else(
                |_| failed(),
                |policy| with(answer, CONTENT_SECURITY_POLICY, policy),
            )
        }
        "/metrics" => metrics(exporter.metrics.text(&exporter.list())),
        "/sd" => service_discovery::json(&exporter.list()).map_or_else(
            |_| failed(),
            |json| text(StatusCode::OK, "application/json", json),
        ),
        "/probe" => {
            (probe(exporter, request).await).unwrap_or_else(|refusal| refuse(exporter, refusal))
        }
        _ => text(StatusCode::NOT_FOUND, TEXT, "no such page\n"),
    }
}

async fn probe<B>(
    exporter: &Arc<Exporter>,
    request: &Request<B>,
) -> Result<Response<Body>, Refusal> {
    let query = ProbeQuery::parse(request.uri().query())?;
    let limit = time_limit(request.headers())?;
    let module = exporter.settings().module(query.module.as_deref());
    let module = module.ok_or(Refusal::Unlisted)?;
    let listed = exporter.list().get(&query.target).cloned();
    let listed = listed.ok_or(Refusal::Unlisted)?;
    let answer = exporter.probe(&listed, module, limit).await?;
    let response = metrics(probe_metrics::text(&listed, &answer));
    Ok(match answer {
        Answer::Result(result, Served::Again) => {
            let age = result.finished.elapsed().as_secs();
            with(response, AGE, HeaderValue::from(age))
        }
        _ => response,
    })
}

fn refuse(exporter: &Exporter, refusal: Refusal) -> Response<Body> {
    exporter.metrics.refused(refusal);
    match refusal {
        Refusal::Unauthorized => with(
            text(StatusCode::UNAUTHORIZED, TEXT, "unauthorized\n"),
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"kubeknock exporter\", charset=\"UTF-8\""),
        ),
        Refusal::Invalid(why) => text(StatusCode::BAD_REQUEST, TEXT, format!("{why}\n")),
        Refusal::Unlisted => text(
            StatusCode::NOT_FOUND,
            TEXT,
            "no such target or module: /sd lists the targets; module=deep needs deep = true in [exporter]\n",
        ),
        Refusal::Busy => with(
            text(
                StatusCode::SERVICE_UNAVAILABLE,
                TEXT,
                "too many probes at once\n",
            ),
            RETRY_AFTER,
            HeaderValue::from_static("1"),
        ),
    }
}

fn metrics(written: Result<String, fmt::Error>) -> Response<Body> {
    written.map_or_else(
        |_| failed(),
        |metrics| text(StatusCode::OK, METRICS, metrics),
    )
}

/// The answer if one could not be written, which cannot happen in memory.
fn failed() -> Response<Body> {
    text(
        StatusCode::INTERNAL_SERVER_ERROR,
        TEXT,
        "the answer could not be written\n",
    )
}

fn text(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let fixed = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in fixed {
        response = with(response, name, HeaderValue::from_static(value));
    }
    response
}

fn with(mut response: Response<Body>, name: HeaderName, value: HeaderValue) -> Response<Body> {
    response.headers_mut().insert(name, value);
    response
}
