//! Posture by provider: the verdicts of each product's endpoints, compared with its documentation.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::parts::{badge, shown};
use crate::model::{EndpointReport, PostureStatus, Verdict};

/// Products that get a row: a saved report may contain any number of names.
const PRODUCTS: usize = 60;

/// What was seen of each product, by its name. The empty name is for endpoints of an unknown product.
#[derive(Default)]
pub(super) struct Products(BTreeMap<String, Product>);

#[derive(Default)]
struct Product {
    endpoints: usize,
    verdicts: BTreeMap<Verdict, usize>,
    statuses: BTreeMap<PostureStatus, usize>,
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
        if self.0.len() == PRODUCTS && !self.0.contains_key(name) {
            return;
        }
        let product = self.0.entry(name.to_owned()).or_default();
        product.endpoints += 1;
        *product.verdicts.entry(report.verdict).or_default() += 1;
        let status = report
            .posture
            .as_ref()
            .map_or(PostureStatus::Unknown, |posture| posture.status);
        *product.statuses.entry(status).or_default() += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn table(&self) -> Markup {
        let products = &self.0;
        html! {
            @if !products.is_empty() {
                section aria-labelledby="providers" {
                    h2 id="providers" { "Posture by provider" }
                    div.scroll tabindex="0" role="group" aria-labelledby="providers" { table {
                        thead { tr {
                            th scope="col" { "product" } th.number scope="col" { "endpoints" }
                            th scope="col" { "verdicts" } th scope="col" { "against what it documents" }
                        } }
                        tbody {
                            @for (name, product) in products {
                                tr {
                                    th scope="row" { @if name.is_empty() { "unknown" } @else { (shown(name)) } }
                                    td.number { (product.endpoints) }
                                    td { @for (verdict, count) in &product.verdicts { span.pair { (count) " " (badge(*verdict)) } " " } }
                                    td { (statuses(&product.statuses)) }
                                }
                            }
                        }
                    } }
                }
            }
        }
    }
}

fn statuses(statuses: &BTreeMap<PostureStatus, usize>) -> Markup {
    html! {
        @for (status, count) in statuses {
            span.tag.more-open[*status == PostureStatus::MoreOpen] { (count) " " (status.phrase()) } " "
        }
    }
}
