//! What is known of distributions and managed services: how they show themselves, how they should answer, and
//! what their users can change. All of it is data in `products.toml`.

mod entry;
mod file;
mod table;

pub(crate) use entry::{Entry, Expected, ExpectedAnswer, Public};
pub(crate) use table::{Fact, Place, TABLE, Table};

use crate::model::Product;

/// The entry of a product, which a saved report may name although the table has it no more.
pub(crate) fn entry(product: &Product) -> Option<&'static Entry> {
    TABLE
        .entries
        .iter()
        .find(|entry| entry.product.id == product.id)
}
