//! Tests of the format as a whole.

mod read;
mod schema;
