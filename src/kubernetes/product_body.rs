//! Bodies that products return in a format of their own.
//!
//! A product with such a body needs one row in [`PRODUCT_BODIES`], and an entry in `products/products.toml` with an
//! `answer` pattern that matches [`ProductBody::name`].

use serde_json_borrow::ObjectAsVec;

use super::json::text;

/// A body of a known product.
#[derive(Debug)]
pub struct ProductBody {
    /// The word in reports.
    pub word: &'static str,
    /// The name in clues and in the patterns of products.
    pub name: &'static str,
    /// Whether it refuses a request, so that it counts at any path. Other bodies count only at the path that the
    /// product opens by design.
    pub refusal: bool,
    format: Format,
}

#[derive(Debug)]
enum Format {
    Json(fn(&ObjectAsVec<'_>) -> bool),
    Text(fn(&str) -> bool),
}

/// Every such body.
static PRODUCT_BODIES: [ProductBody; 4] = [
    // Rancher: `{"type":"error", … "must authenticate"}`.
    refusal("rancher-error", "must authenticate", |object| {
        text(object, "type") == Some("error")
            && text(object, "message").is_some_and(|message| message.contains("must authenticate"))
    }),
    // OpenID or OAuth metadata.
    ProductBody {
        word: "issuer-metadata",
        name: "issuer",
        refusal: false,
        format: Format::Json(|object| text(object, "issuer").is_some()),
    },
    // The supervisor of k3s and RKE2 at `/ping`.
    by_text("pong", "pong", |text| text == "pong"),
    // The supervisor of k3s and RKE2 at `/cacerts`.
    by_text("certificates", "certificates", |text| {
        text.starts_with("-----BEGIN CERTIFICATE-----")
    }),
];

const fn refusal(
    word: &'static str,
    name: &'static str,
    is: fn(&ObjectAsVec<'_>) -> bool,
) -> ProductBody {
    ProductBody {
        word,
        name,
        refusal: true,
        format: Format::Json(is),
    }
}

const fn by_text(word: &'static str, name: &'static str, is: fn(&str) -> bool) -> ProductBody {
    ProductBody {
        word,
        name,
        refusal: false,
        format: Format::Text(is),
    }
}

impl ProductBody {
    pub(super) fn words() -> impl Iterator<Item = &'static str> {
        PRODUCT_BODIES.iter().map(|body| body.word)
    }

    /// The body with this word.
    pub fn by_word(word: &str) -> Option<&'static Self> {
        PRODUCT_BODIES.iter().find(|body| body.word == word)
    }

    pub(super) fn of_json(object: &ObjectAsVec<'_>) -> Option<&'static Self> {
        PRODUCT_BODIES
            .iter()
            .find(|body| matches!(body.format, Format::Json(is) if is(object)))
    }

    /// The body with this text, which has no white space at its ends.
    pub(super) fn of_text(text: &str) -> Option<&'static Self> {
        PRODUCT_BODIES
            .iter()
            .find(|body| matches!(body.format, Format::Text(is) if is(text)))
    }
}

impl PartialEq for ProductBody {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

impl Eq for ProductBody {}
