//! `--from http-sd URL`: fetches target groups. The request is no probe, and has no credential.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use kubeknock::model::Source;
use reqwest::{Response, StatusCode, Url};

use crate::http;

/// The largest answer that is read, in bytes.
const MAX_SIZE: usize = 16 * 1024 * 1024;
/// The time limit of the whole request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The `User-Agent` of the request.
pub(crate) const USER_AGENT: &str = concat!(
    "kubeknock/",
    env!("CARGO_PKG_VERSION"),
    " (reads a list of targets)"
);

const BY_HAND: &str =
    "fetch the list with your own tool, and give --from http-sd the file, or - for its output";

/// Whether a word is a URL and not the path of a file.
pub(crate) fn is_url(word: &str) -> bool {
    let scheme = word.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// The `https://` URL of a service that lists targets.
#[derive(Clone)]
pub(crate) struct ServiceUrl {
    url: Url,
    /// Without the query, which may have a secret.
    shown: Arc<str>,
}

impl ServiceUrl {
    /// Checks a URL. Errors do not repeat it, because it may have a password.
    pub(crate) fn new(text: &str) -> anyhow::Result<Self> {
        let invalid = "--from http-sd: invalid URL: expected https://HOST/PATH";
        let url: Url = text.parse().ok().context(invalid)?;
        if !url.username().is_empty() || url.password().is_some() {
            bail!(
                "--from http-sd: the URL has user information, and kubeknock sends no credentials: {BY_HAND}"
            );
        }
        match url.scheme() {
            "https" if url.has_host() => {}
            "http" => bail!("--from http-sd: only https:// URLs are fetched; {BY_HAND}"),
            _ => bail!("{invalid}"),
        }
        let mut bare = url.clone();
        bare.set_query(None);
        bare.set_fragment(None);
        Ok(Self {
            url,
            shown: bare.as_str().into(),
        })
    }

    /// The source of its targets.
    pub(crate) fn source(&self) -> Source {
        Source::Url(Arc::clone(&self.shown))
    }

    /// Fetches the target groups.
    pub(crate) async fn fetch(&self) -> anyhow::Result<Vec<u8>> {
        (self.answer(TIMEOUT).await).with_context(|| format!("cannot fetch {}", self.shown))
    }

    async fn answer(&self, timeout: Duration) -> anyhow::Result<Vec<u8>> {
        let client = http::client(USER_AGENT, timeout, true)?;
        let request = client.get(self.url.clone());
        let request = request.header("Accept", "application/json");
        let answer = request.send().await.map_err(|error| http::reason(&error))?;
        check_status(answer.status())?;
        body(answer).await
    }
}

fn check_status(status: StatusCode) -> anyhow::Result<()> {
    let code = status.as_u16();
    match code {
        200 => Ok(()),
        300..=399 => bail!(
            "it answers {code}, and redirects are not followed: give the URL that it redirects to"
        ),
        401 | 403 => bail!("it answers {code}, and kubeknock sends no credentials: {BY_HAND}"),
        _ => bail!("it answers {code}; expected 200 with target groups in JSON"),
    }
}

async fn body(mut answer: Response) -> anyhow::Result<Vec<u8>> {
    let too_large = || anyhow!("the answer is larger than {} MiB", MAX_SIZE >> 20);
    let announced = answer.content_length().unwrap_or_default();
    if announced > MAX_SIZE as u64 {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(bytes) = answer.chunk().await.map_err(|error| http::reason(&error))? {
        if body.len() + bytes.len() > MAX_SIZE {
            return Err(too_large());
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_fetched_and_no_error_repeats_the_url() {
        for (text, said) in [
            ("https://user:hunter2@host/x", "user information"),
            ("https://hunter2@host/x", "user information"),
            ("http://host/hunter2", "only https://"),
            ("ftp://host/hunter2", "invalid URL"),
            ("https://", "invalid URL"),
            ("https://[hunter2]/", "invalid URL"),
        ] {
            let error = ServiceUrl::new(text).err().unwrap().to_string();
            assert!(error.contains(said), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let url = ServiceUrl::new("https://host:8443/targets?token=hunter2#hunter2").unwrap();
        assert_eq!(url.source().to_string(), "https://host:8443/targets");
    }

    #[tokio::test]
    async fn a_service_that_never_answers_is_left() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/t", silent.local_addr().unwrap());
        let error = ServiceUrl::new(&url).unwrap();
        let error = error.answer(Duration::from_millis(100)).await.unwrap_err();
        assert!(error.to_string().contains("no complete answer"), "{error}");
    }

    #[test]
    fn paths_are_no_urls() {
        for (word, expected) in [
            ("https://host", true),
            ("HTTP://host", true),
            ("file:///x", true),
            ("targets.json", false),
            ("./a://b", false),
            ("://x", false),
        ] {
            assert_eq!(is_url(word), expected, "{word}");
        }
    }
}
