//! Data for policies in Rego: one document in JSON or YAML.

use regorus::Value;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

/// Where a file is not as it should be, and what is wrong: line, column and problem.
pub(super) type Mistake = (u64, u64, String);

/// The data of a file; `None` if its name is that of a policy.
pub(super) fn data(name: &str, text: &str) -> Option<Result<Value, Mistake>> {
    let (value, mistake): (_, fn(&str) -> Mistake) = match extension(name) {
        "json" => (Value::from_json_str(text), in_json),
        "yaml" | "yml" => (Value::from_yaml_str(text), in_yaml),
        _ => return None,
    };
    // The parser's own error repeats the text, which may hold a secret.
    Some(value.map_err(|_| mistake(text)).and_then(|value| {
        let problem = "data is an object of keys and values";
        let is_object = value.as_object().is_ok();
        is_object.then_some(value).ok_or((1, 1, problem.to_owned()))
    }))
}

/// Whether a file has Kubernetes objects, which are no data for policies.
pub(super) fn is_manifest(name: &str, text: &str) -> bool {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only their presence counts")]
    struct Object {
        #[serde(rename = "apiVersion")]
        api_version: String,
        kind: String,
    }
    matches!(extension(name), "json" | "yaml" | "yml")
        && serde_saphyr::from_multiple::<Object>(text).is_ok_and(|objects| !objects.is_empty())
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn in_json(text: &str) -> Mistake {
    let Err(error) = serde_json::from_str::<IgnoredAny>(text) else {
        return (1, 1, "invalid JSON".to_owned());
    };
    let (line, column) = (error.line().max(1), error.column().max(1));
    (line as u64, column as u64, "invalid JSON".to_owned())
}

fn in_yaml(text: &str) -> Mistake {
    match serde_saphyr::from_multiple::<Spanned<IgnoredAny>>(text) {
        Ok(documents) => match documents.get(1) {
            Some(second) => {
                let place = second.referenced;
                let problem = "a second document: data is one document in a file";
                (place.line(), place.column(), problem.to_owned())
            }
            None => (1, 1, "invalid YAML".to_owned()),
        },
        Err(error) => {
            let place = error.location();
            let (line, column) = place.map_or((1, 1), |place| (place.line(), place.column()));
            (line.max(1), column.max(1), "invalid YAML".to_owned())
        }
    }
}
