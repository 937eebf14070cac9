//! Distributions and managed services: how to recognise them, what they should answer, and what their users can
//! change. All of this is data in `products.toml`.

mod entry;
mod file;
mod guide;
mod table;

pub(crate) use entry::{Entry, Expected, ExpectedAnswer, Place, Public};
pub(crate) use guide::{Action, Guide};
pub(crate) use table::{Fact, TABLE, Table};

use crate::model::Product;

/// The entry of a product; `None` if a saved report names a product that the table no longer has.
pub(crate) fn entry(product: &Product) -> Option<&'static Entry> {
    by_id(&product.id)
}

/// The entry with this id, as inventories name the product.
pub(crate) fn by_id(id: &str) -> Option<&'static Entry> {
    TABLE.entries.iter().find(|entry| entry.id == id)
}
