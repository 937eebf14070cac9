//! The query of `/probe`, and the time that a scrape has.

use std::time::Duration;

use http::HeaderMap;

use super::exporter_metrics::Refusal;

/// Bytes of a query.
const MAX_QUERY: usize = 4096;
/// The time of a request that is no scrape of Prometheus.
const DEFAULT_TIME: Duration = Duration::from_secs(30);
/// The longest time that a scrape may have.
const MAX_TIME: Duration = Duration::from_mins(10);
/// What of the time is left for the way back.
const RESERVE: Duration = Duration::from_millis(500);

/// What `/probe` is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProbeQuery {
    pub(super) target: String,
    pub(super) module: Option<String>,
}

impl ProbeQuery {
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Refusal> {
        let query = query.unwrap_or_default();
        if query.len() > MAX_QUERY {
            return Err(Refusal::Invalid("the query is too long"));
        }
        let (mut target, mut module) = (None, None);
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let known = match &*key {
                "target" => &mut target,
                "module" => &mut module,
                _ => return Err(Refusal::Invalid("expected target= and module= only")),
            };
            if known.replace(value.into_owned()).is_some() {
                return Err(Refusal::Invalid("target= or module= is there twice"));
            }
        }
        let target = target.ok_or(Refusal::Invalid("target= is missing"))?;
        Ok(Self { target, module })
    }
}

/// The time for a probe, so that its answer arrives before Prometheus gives up.
pub(super) fn time_limit(headers: &HeaderMap) -> Result<Duration, Refusal> {
    let Some(value) = headers.get("x-prometheus-scrape-timeout-seconds") else {
        return Ok(DEFAULT_TIME);
    };
    let seconds = value.to_str().ok().and_then(|text| text.parse().ok());
    let limit = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let limit = limit.filter(|limit| !limit.is_zero());
    let limit = limit.ok_or(Refusal::Invalid("invalid scrape timeout"))?;
    Ok((limit.min(MAX_TIME)).saturating_sub(RESERVE.min(limit / 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_one_target() {
        let parse = |query| ProbeQuery::parse(Some(query));
        let query = |target: &str, module: Option<&str>| {
            Ok(ProbeQuery {
                target: target.to_owned(),
                module: module.map(str::to_owned),
            })
        };
        assert_eq!(parse("target=prod"), query("prod", None));
        assert_eq!(
            parse("module=deep&target=%5B2001:db8::1%5D:6443+a"),
            query("[2001:db8::1]:6443 a", Some("deep"))
        );
        for (text, said) in [
            ("", "missing"),
            ("module=deep", "missing"),
            ("target=a&target=a", "twice"),
            ("target=a&target=", "twice"),
            ("target=a&module=&module=deep", "twice"),
            ("target=a&hostname=b", "only"),
            (&format!("target={}", "a".repeat(10_000)), "too long"),
        ] {
            let Err(Refusal::Invalid(reason)) = parse(text) else {
                panic!("{text}")
            };
            assert!(reason.contains(said), "{text}: {reason}");
        }
    }

    #[test]
    fn the_answer_is_there_before_prometheus_gives_up() {
        let limit = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(
                "X-Prometheus-Scrape-Timeout-Seconds",
                value.parse().unwrap(),
            );
            time_limit(&headers).ok()
        };
        for (value, millis) in [("10", 9500), ("0.5", 250), ("10.000000", 9500)] {
            assert_eq!(limit(value), Some(Duration::from_millis(millis)), "{value}");
        }
        assert_eq!(limit("1e9"), Some(Duration::from_millis(599_500)));
        for bad in ["", "0", "-1", "NaN", "inf", "1e300", "10s"] {
            assert_eq!(limit(bad), None, "{bad}");
        }
        assert_eq!(time_limit(&HeaderMap::new()), Ok(DEFAULT_TIME));
    }
}
