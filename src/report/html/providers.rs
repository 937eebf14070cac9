//! Posture by provider: what each product's endpoints answer, and how that stands to what is
//! documented.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{badge, shown};
use crate::model::{EndpointReport, PostureStatus, Verdict};

/// Products that get a row.
const PRODUCTS: usize = 60;

/// What was seen of each product, by its name; under no name what could not be told apart.
#[derive(Default)]
pub(super) struct Products(BTreeMap<String, Product>);

#[derive(Default)]
struct Product {
    endpoints: usize,
    verdicts: BTreeMap<Verdict, usize>,
    standings: BTreeMap<PostureStatus, usize>,
}

impl Products {
    pub(super) fn add(&mut self, report: &EndpointReport) {
        if !report.verdict.is_conclusive() {
            return;
        }
        let name = report
            .identification
            .as_ref()
            .and_then(|known| known.product());
        let name = name.map_or("", |product| &product.short);
        // A saved report may hold any names.
        if self.0.len() == PRODUCTS && !self.0.contains_key(name) {
            return;
        }
        let product = self.0.entry(name.to_owned()).or_default();
        product.endpoints += 1;
        *product.verdicts.entry(report.verdict).or_default() += 1;
        let standing = report
            .posture
            .as_ref()
            .map_or(PostureStatus::Unknown, |posture| posture.standing);
        *product.standings.entry(standing).or_default() += 1;
    }

    pub(super) fn table(&self) -> Markup {
        let products = &self.0;
        html! {
            @if !products.is_empty() {
                section aria-labelledby="providers" {
                    h2 id="providers" { "Posture by provider" }
                    div.scroll { table {
                        thead { tr {
                            th scope="col" { "product" } th.number scope="col" { "endpoints" }
                            th scope="col" { "verdicts" } th scope="col" { "against what it documents" }
                        } }
                        tbody {
                            @for (name, product) in products {
                                tr {
                                    th scope="row" { @if name.is_empty() { "not told apart" } @else { (shown(name)) } }
                                    td.number { (product.endpoints) }
                                    td { @for (verdict, count) in &product.verdicts { span.pair { (count) " " (badge(*verdict)) } " " } }
                                    td { (standings(&product.standings)) }
                                }
                            }
                        }
                    } }
                }
            }
        }
    }
}

fn standings(standings: &BTreeMap<PostureStatus, usize>) -> Markup {
    html! {
        @for (standing, count) in standings {
            span.tag.looser[*standing == PostureStatus::Looser] { (count) " " (phrase(*standing)) } " "
        }
    }
}

const fn phrase(standing: PostureStatus) -> &'static str {
    match standing {
        PostureStatus::Looser => "more open",
        PostureStatus::Stricter => "stricter",
        PostureStatus::Either => "as one of its modes",
        PostureStatus::AsDocumented => "as expected",
        PostureStatus::Unknown => "not graded",
    }
}
